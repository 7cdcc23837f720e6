"""What learners did in packages: the attempts at eXeLearning and SCORM activities that their grades come from."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from ingestion.demo.catalogue import PACKAGE_PARTS
from ingestion.demo.courses import Activity, Course
from ingestion.demo.enrolments import Classes
from ingestion.demo.log import TEACHING, Event
from ingestion.demo.people import Person
from ingestion.demo.results import Push
from ingestion.demo.world import DAY, HOUR, World

PACKAGES = ("scorm", "exelearning")
_STATUS, _RAW, _TIME, _START = "cmi.core.lesson_status", "cmi.core.score.raw", "cmi.core.total_time", "x.start.time"
_LEAST, _GREATEST = Decimal(0), Decimal(100)


@dataclass(frozen=True, slots=True)
class Play:
    """One learner's work in one package, and the grade that it sent in the end: that of the best attempt."""

    activity: Activity
    person: Person
    push: Push
    item_number: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at an eXeLearning activity. `scores` are those of the whole (0) and its parts, out of 100; `channel`
    is xapi, scorm or mobile."""

    play: Play
    number: int
    moment: int
    scores: Mapping[int, Decimal]
    channel: str
    is_done: bool = True

    @property
    def begun_at(self) -> int:
        return self.moment - HOUR

    @property
    def status(self) -> str:
        return "incomplete" if not self.is_done else "passed" if self.scores[0] >= 50 else "failed"


def write_packages(world: World, plays: list[Play], graders: dict[int, int]) -> list[Event]:
    """Attempts, earlier and worse ones among them, and what the packages reported; what the log tells of them."""
    dice = world.dice("packages")
    elements = {name: world.db.add("scorm_element", element=name) for name in (_START, _STATUS, _RAW, _TIME)}
    parts: dict[tuple[str, int], list[int]] = {}
    events: list[Event] = []
    ordered = sorted(plays, key=lambda play: (play.push.moment, play.activity.id, play.person.id, play.item_number))
    by_parts: dict[tuple[int, int], dict[int, Decimal]] = {}
    last = {}
    for play in ordered:
        if play.activity.is_by_parts:
            who = play.activity.id, play.person.id
            by_parts.setdefault(who, {})[play.item_number] = play.push.value or _LEAST
            last[who] = play
    for play in ordered:
        who = play.activity.id, play.person.id
        if who in last and last[who] is not play:
            continue  # its score is told with that of the part that was graded last
        place = play.activity.module, play.activity.instance
        if place not in parts:
            parts[place] = _make_parts(world, play.activity)
        tries = _attempts(play.push.moment, dice)
        for number, (moment, share) in enumerate(tries, start=1):
            best = play.push.value or _LEAST
            if play.activity.module == "scorm":
                _write_scorm(world, play, number, moment, _part_of(best, share), parts[place], elements)
            else:
                told = by_parts.get(who)
                scores = _of_parts(told, share) if told else _around(_part_of(best, share), dice)
                channel = dice.choice(("xapi", "xapi", "xapi", "scorm", "scorm", "mobile"))
                is_done = number == len(tries) or channel == "xapi" or dice.random() < 0.5
                attempt = Attempt(play, number, moment, scores, channel, is_done)
                _write_exelearning(world, attempt, dice)
                events += _logged(attempt)
        if play.activity.module == "exelearning" and dice.random() < 0.1:
            former = Attempt(play, 1, tries[0][0] - 3 * DAY, {0: _LEAST}, "scorm")
            events += [*_logged(former), _deleted(former, graders[play.activity.course_id])]
    return events


def write_ungraded(world: World, courses: list[Course], classes: Classes) -> None:
    """Where grading is off, the statements of a page load are kept and nothing is made of them."""
    dice = world.dice("ungraded packages")
    for course in courses:
        for activity in course.activities:
            if activity.is_graded:
                continue
            _make_parts(world, activity)
            for learner in classes.learners[course.id][:12]:
                moment = learner.since + dice.randrange(1, 20) * HOUR
                load = f"{dice.getrandbits(156):040x}"
                scores = _around(Decimal(dice.randrange(0, 101)), dice)
                _write_statements(world, activity, learner.person, load, moment, scores, "completed", dice)


def _around(score: Decimal, dice: random.Random) -> dict[int, Decimal]:
    """The whole, and two parts around it."""
    apart = min(score, _GREATEST - score, Decimal(dice.randrange(0, 20)))
    return {1: score + apart, 2: score - apart, 0: score}


def _of_parts(best: Mapping[int, Decimal], share: Decimal) -> dict[int, Decimal]:
    """Parts, and the whole as their mean."""
    scores = {number: _part_of(score, share) for number, score in sorted(best.items())}
    whole = sum(scores.values(), Decimal(0)) / len(scores)
    return {**scores, 0: whole.quantize(Decimal("0.01"), ROUND_HALF_UP)}


def _part_of(score: Decimal, share: Decimal) -> Decimal:
    return (score * share).quantize(Decimal("0.01"))


def _logged(attempt: Attempt) -> list[Event]:
    """It begins once and is done once, if at all. The score told is the activity's, the best so far."""
    activity, person = attempt.play.activity, attempt.play.person
    origin = "ws" if attempt.channel == "mobile" else "web"
    number = {"attempt": attempt.number}

    def event(moment: int, action: str, other: Mapping[str, object], crud: str) -> Event:
        name = f"attempt_{action}"
        return Event(moment, name, action, person.id, activity, person, activity.instance, other, crud, origin=origin)

    made = [event(attempt.begun_at, "started", number, "c")]
    if attempt.is_done:
        done = {**number, "score": float(attempt.scores[0]), "status": attempt.status}
        made.append(event(attempt.moment, "completed", done, "u"))
    return made


def _deleted(attempt: Attempt, grader: int) -> Event:
    """A teacher deletes it with its rows, and its number is free again."""
    return Event(
        attempt.moment + DAY, "attempt_deleted", "deleted", grader, attempt.play.activity, attempt.play.person,
        attempt.play.activity.instance, {"attemptid": str(attempt.number)}, crud="d", level=TEACHING,
    )  # fmt: skip


def _attempts(moment: int, dice: random.Random) -> list[tuple[int, Decimal]]:
    """(moment, share of the best score) of each attempt, the best one last."""
    earlier = [
        (moment - days * DAY, Decimal(dice.randrange(20, 95)) / 100)
        for days in ((1,), (), (), (2, 1))[dice.randrange(4)]
    ]
    return [*earlier, (moment, Decimal(1))]


def _make_parts(world: World, activity: Activity) -> list[int]:
    if activity.module == "scorm":
        heading = {"scorm": activity.instance, "identifier": "org", "title": activity.name}
        world.db.add("scorm_scoes", sortorder=1, **heading)
        sco = {"identifier": "item_1", "launch": "index.html", "scormtype": "sco", "title": activity.name}
        return [world.db.add("scorm_scoes", scorm=activity.instance, organization="org", sortorder=2, **sco)]
    return [
        world.db.add(
            "exelearning_grade_item", exelearningid=activity.instance, itemnumber=number, name=name, idevicetype=kind,
            objectid=f"idevice-{activity.instance}-{number}", pageid="page-1", timecreated=activity.added,
            timemodified=activity.added,
        )
        for number, (kind, name) in enumerate(PACKAGE_PARTS, start=1)
    ]  # fmt: skip


def _write_scorm(
    world: World, play: Play, number: int, moment: int, score: Decimal, parts: list[int], elements: dict[str, int]
) -> None:
    attempt = world.db.add("scorm_attempt", scormid=play.activity.instance, userid=play.person.id, attempt=number)
    values = {
        _START: str(moment - HOUR), _STATUS: "passed" if score >= 50 else "failed", _RAW: f"{score.normalize():f}",
        _TIME: "00:45:00.00",
    }  # fmt: skip
    for name, value in values.items():
        world.db.add(
            "scorm_scoes_value", scoid=parts[0], attemptid=attempt, elementid=elements[name], value=value,
            timemodified=moment,
        )  # fmt: skip


def _write_exelearning(world: World, attempt: Attempt, dice: random.Random) -> None:
    load = f"{dice.getrandbits(96):020x}"[:20]
    activity, person = attempt.play.activity, attempt.play.person
    if attempt.channel == "xapi":
        _write_statements(world, activity, person, load, attempt.moment, attempt.scores, attempt.status, dice)
    for item, raw in attempt.scores.items():
        world.db.add(
            "exelearning_attempt", exelearningid=activity.instance, userid=person.id, attempt=attempt.number,
            itemnumber=item, rawscore=raw, scaledscore=_scaled(raw), status="completed" if item else attempt.status,
            sessiontoken=load, timecreated=attempt.begun_at, timemodified=attempt.moment,
        )  # fmt: skip


def _write_statements(
    world: World, activity: Activity, person: Person, load: str, moment: int, scores: Mapping[int, Decimal],
    verdict: str, dice: random.Random,
) -> None:  # fmt: skip
    """What the package said in one page load, known by its token: parts answered, the whole completed and judged."""
    for item, raw in scores.items():
        for verb in ["answered"] if item else dict.fromkeys(("completed", verdict)):
            world.db.add(
                "exelearning_tracking_events", exelearningid=activity.instance, userid=person.id,
                statementid=_uuid(dice), verb=verb, registration=load, scaled=_scaled(raw), timecreated=moment,
                objectid=f"idevice-{activity.instance}-{item}" if item else None,
            )  # fmt: skip


def _scaled(raw: Decimal) -> Decimal:
    return (raw / 100).quantize(Decimal("0.00001"), ROUND_HALF_UP)


def _uuid(dice: random.Random) -> str:
    digits = f"{dice.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
