"""What learners did in packages: the attempts at eXeLearning and SCORM activities that their grades come from."""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from ingestion.demo.courses import Activity
from ingestion.demo.people import Person
from ingestion.demo.results import Push
from ingestion.demo.world import HOUR, World

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


def write_packages(world: World, plays: list[Play]) -> None:
    """Attempts, earlier and worse ones among them, and what the packages reported."""
    dice = world.dice("packages")
    elements = {name: world.db.add("scorm_element", element=name) for name in (_START, _STATUS, _RAW, _TIME)}
    parts: dict[tuple[str, int], list[int]] = {}
    for play in sorted(plays, key=lambda play: (play.push.moment, play.activity.id, play.person.id)):
        place = play.activity.module, play.activity.instance
        if place not in parts:
            parts[place] = _make_parts(world, play.activity)
        for number, (moment, score) in enumerate(_attempts(play.push, dice), start=1):
            if play.activity.module == "scorm":
                _write_scorm(world, play, number, moment, score, parts[place], elements)
            else:
                _write_exelearning(world, play, number, moment, score, dice)


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


def _write_exelearning(world: World, play: Play, number: int, moment: int, score: Decimal, dice: random.Random) -> None:
    """The parts' scores lie around the whole; every second page load is told by statements too."""
    load = f"{dice.getrandbits(96):020x}"[:20]
    apart = min(score, _GREATEST - score, Decimal(dice.randrange(0, 20)))
    status = "passed" if score >= 50 else "failed"
    scores = {1: score + apart, 2: score - apart, 0: score}
    has_statements = dice.random() < 0.5
    said = {"exelearningid": play.activity.instance, "userid": play.person.id}
    for item, raw in scores.items():
        verbs = ["answered"] if item else ["completed", status]
        if has_statements:
            for verb in verbs:
                world.db.add(
                    "exelearning_tracking_events", statementid=_uuid(dice), verb=verb, registration=load,
                    objectid=f"idevice-{play.activity.instance}-{item}" if item else None, scaled=_scaled(raw),
                    timecreated=moment, **said,
                )  # fmt: skip
        world.db.add(
            "exelearning_attempt", attempt=number, itemnumber=item, rawscore=raw, scaledscore=_scaled(raw),
            status="completed" if item else status, sessiontoken=load, timecreated=moment - HOUR,
            timemodified=moment, **said,
        )  # fmt: skip


def _scaled(raw: Decimal) -> Decimal:
    return (raw / 100).quantize(Decimal("0.00001"), ROUND_HALF_UP)


def _uuid(dice: random.Random) -> str:
    digits = f"{dice.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
