"""What learners did in packages: the attempts at eXeLearning and SCORM activities that their grades come from."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from ingestion.demo.courses import Activity
from ingestion.demo.log import TEACHING, Event
from ingestion.demo.people import Person
from ingestion.demo.results import Push
from ingestion.demo.world import DAY, HOUR, World

PACKAGES = ("scorm", "exelearning")
_STATUS, _RAW, _TIME, _START = "cmi.core.lesson_status", "cmi.core.score.raw", "cmi.core.total_time", "x.start.time"
_LEAST, _GREATEST = Decimal(0), Decimal(100)
_PART_NAMES = (("trueorfalse", "Verdadero o falso"), ("guess", "Adivina la palabra"))


@dataclass(frozen=True, slots=True)
class Play:
    """One learner's work in one package, and the grade that it sent in the end: that of the best attempt."""

    activity: Activity
    person: Person
    push: Push


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at an eXeLearning activity. `channel` is xapi, scorm or mobile."""

    play: Play
    number: int
    moment: int
    score: Decimal
    status: str
    channel: str

    @property
    def begun_at(self) -> int:
        return self.moment - HOUR


def write_packages(world: World, plays: list[Play], graders: dict[int, int]) -> list[Event]:
    """Attempts, earlier and worse ones among them, and what the packages reported; what the log tells of them."""
    dice = world.dice("packages")
    elements = {name: world.db.add("scorm_element", element=name) for name in (_START, _STATUS, _RAW, _TIME)}
    parts: dict[tuple[str, int], list[int]] = {}
    events: list[Event] = []
    for play in sorted(plays, key=lambda play: (play.push.moment, play.activity.id, play.person.id)):
        place = play.activity.module, play.activity.instance
        if place not in parts:
            parts[place] = _make_parts(world, play.activity)
        tries = _attempts(play.push, dice)
        for number, (moment, score) in enumerate(tries, start=1):
            if play.activity.module == "scorm":
                _write_scorm(world, play, number, moment, score, parts[place], elements)
            else:
                attempt = Attempt(play, number, moment, score, *_told(score, number < len(tries), dice))
                _write_exelearning(world, attempt, dice)
                events += _logged(attempt)
        if play.activity.module == "exelearning" and dice.random() < 0.1:
            moment = tries[0][0] - 3 * DAY
            former = Attempt(play, 1, moment, _LEAST, "failed", "scorm")
            events += [*_logged(former), _deleted(former, graders[play.activity.course_id])]
    return events


def _told(score: Decimal, is_earlier: bool, dice: random.Random) -> tuple[str, str]:
    """(status, channel): earlier attempts may have been left half done; half of the page loads have statements."""
    channel = dice.choice(("xapi", "xapi", "xapi", "scorm", "scorm", "mobile"))
    if is_earlier and channel != "xapi" and dice.random() < 0.5:
        return "incomplete", channel
    return ("passed" if score >= 50 else "failed"), channel


def _logged(attempt: Attempt) -> list[Event]:
    """It begins once and is done once, if at all. The score told is the activity's, the best so far."""
    activity, person = attempt.play.activity, attempt.play.person
    origin = "ws" if attempt.channel == "mobile" else "web"
    number = {"attempt": attempt.number}

    def event(moment: int, action: str, other: Mapping[str, object], crud: str) -> Event:
        name = f"attempt_{action}"
        return Event(moment, name, action, person.id, activity, person, activity.instance, other, crud, origin=origin)

    made = [event(attempt.begun_at, "started", number, "c")]
    if attempt.status != "incomplete":
        done = {**number, "score": float(attempt.score), "status": attempt.status}
        made.append(event(attempt.moment, "completed", done, "u"))
    return made


def _deleted(attempt: Attempt, grader: int) -> Event:
    """A teacher deletes it with its rows, and its number is free again."""
    return Event(
        attempt.moment + DAY, "attempt_deleted", "deleted", grader, attempt.play.activity, attempt.play.person,
        attempt.play.activity.instance, {"attemptid": str(attempt.number)}, crud="d", level=TEACHING,
    )  # fmt: skip


def _attempts(push: Push, dice: random.Random) -> list[tuple[int, Decimal]]:
    """(moment, score) of each attempt, the best one last."""
    best = push.value or _LEAST
    earlier = [
        (push.moment - days * 24 * HOUR, (best * Decimal(dice.randrange(20, 95)) / 100).quantize(Decimal("0.01")))
        for days in ((1,), (), (), (2, 1))[dice.randrange(4)]
    ]
    return [*earlier, (push.moment, best)]


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
        for number, (kind, name) in enumerate(_PART_NAMES, start=1)
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
    """The parts' scores lie around the whole."""
    load = f"{dice.getrandbits(96):020x}"[:20]
    score, activity = attempt.score, attempt.play.activity.instance
    apart = min(score, _GREATEST - score, Decimal(dice.randrange(0, 20)))
    scores = {1: score + apart, 2: score - apart, 0: score}
    said = {"exelearningid": activity, "userid": attempt.play.person.id}
    for item, raw in scores.items():
        verbs = ["answered"] if item else ["completed", attempt.status]
        for verb in verbs if attempt.channel == "xapi" else ():
            world.db.add(
                "exelearning_tracking_events", statementid=_uuid(dice), verb=verb, registration=load,
                objectid=f"idevice-{activity}-{item}" if item else None, scaled=_scaled(raw),
                timecreated=attempt.moment, **said,
            )  # fmt: skip
        world.db.add(
            "exelearning_attempt", attempt=attempt.number, itemnumber=item, rawscore=raw, scaledscore=_scaled(raw),
            status="completed" if item else attempt.status, sessiontoken=load, timecreated=attempt.begun_at,
            timemodified=attempt.moment, **said,
        )  # fmt: skip


def _scaled(raw: Decimal) -> Decimal:
    return (raw / 100).quantize(Decimal("0.00001"), ROUND_HALF_UP)


def _uuid(dice: random.Random) -> str:
    digits = f"{dice.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
