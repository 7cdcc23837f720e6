"""The standard log: what attempts wrote into it, and lines of other parts of the site between them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingestion.demo.attempts import ABANDONED, FINISHED, Attempt
from ingestion.demo.courses import Activity
from ingestion.demo.people import People, Person
from ingestion.demo.world import MODULE, SYSTEM, World

PARTICIPATING, TEACHING, OTHER = 2, 1, 0


@dataclass(frozen=True, slots=True)
class Event:
    """One event about an attempt. `subject` is what the log names as its object, `by` is 0 for the cron."""

    moment: int
    name: str
    action: str
    by: int
    activity: Activity
    person: Person
    subject: int
    other: Mapping[str, object] | None = None
    crud: str = "u"
    level: int = PARTICIPATING
    target: str = "attempt"
    origin: str = "web"


def write_log(world: World, events: list[Event], people: People) -> None:
    """All log lines in order of time, with lines of other parts of the site between them."""
    for place, event in enumerate(sorted(events, key=lambda event: (event.moment, event.activity.id, event.subject))):
        module = event.activity.module
        world.db.add(
            "logstore_standard_log", eventname=rf"\mod_{module}\event\{event.name}", component=f"mod_{module}",
            action=event.action, target=event.target,
            objecttable="quiz_attempts" if module == "quiz" else module, objectid=event.subject,
            crud=event.crud, edulevel=event.level, contextid=event.activity.place.id, contextlevel=MODULE,
            contextinstanceid=event.activity.id, userid=event.by, courseid=event.activity.course_id,
            relateduserid=event.person.id, other=json.dumps(event.other, separators=(",", ":")),
            timecreated=event.moment, origin=event.origin if event.by else "cli",
            ip=f"198.51.100.{event.person.id % 250}" if event.by else None,
        )  # fmt: skip
        if place % 40 == 0:
            person = people.students[place // 40 % len(people.students)]
            world.db.add(
                "logstore_standard_log", eventname=r"\core\event\user_loggedin", component="core", action="loggedin",
                target="user", objecttable="user", objectid=person.id, crud="r", edulevel=OTHER,
                contextid=world.system.id, contextlevel=SYSTEM, userid=person.id,
                other=json.dumps({"username": person.username}), timecreated=event.moment, origin="web",
                ip="198.51.100.9",
            )  # fmt: skip


def quiz_events(world: World, attempts: list[Attempt], graders: dict[int, int]) -> list[Event]:
    """What quiz attempts left in the log: deleted ones left theirs behind, previews never submit."""
    dice = world.dice("log")
    return [event for attempt in attempts for event in _events(attempt, graders[attempt.quiz.course.id], dice)]


def _events(attempt: Attempt, grader: int, dice: random.Random) -> list[Event]:
    user, quiz = attempt.person.id, {"quizid": str(attempt.quiz.id)}
    what: dict[str, Any] = {"activity": attempt.quiz.activity, "person": attempt.person, "subject": attempt.id}

    def event(moment: int, name: str, action: str, by: int, other: Mapping[str, object] | None, **more: Any) -> Event:
        return Event(moment, name, action, by, other=other, **what, **more)

    if attempt.is_preview:
        started = {"crud": "c", "level": TEACHING, "target": "attempt_preview"}
        return [event(attempt.started_at, "attempt_preview_started", "started", user, quiz, **started)]
    end = {"submitterid": str(user) if attempt.is_online else None, **quiz, "studentisonline": attempt.is_online}
    offline = {"submitterid": None, **quiz, "studentisonline": False}
    made = [event(attempt.started_at, "attempt_started", "started", user, None, crud="c")]
    if attempt.state == FINISHED and dice.random() < 0.6:
        moment = (attempt.started_at + attempt.finished_at) // 2
        made.append(event(moment, "attempt_updated", "updated", user, {**quiz, "page": "0"}))
    if attempt.overdue_at:
        made.append(event(attempt.overdue_at, "attempt_becameoverdue", "becameoverdue", 0, offline))
    if attempt.state == FINISHED:
        made.append(event(attempt.ended_at, "attempt_submitted", "submitted", user if attempt.is_online else 0, end))
        if attempt.is_online and dice.random() < 0.4:
            made.append(event(attempt.ended_at + 20, "attempt_reviewed", "reviewed", user, quiz, crud="r"))
    elif attempt.state == ABANDONED:
        made.append(event(attempt.ended_at, "attempt_abandoned", "abandoned", 0, offline))
    if attempt.graded_at:
        graded = {**quiz, "attemptid": str(attempt.id)}
        manual = {"level": TEACHING, "target": "attempt_manual"}
        name = "attempt_manual_grading_completed"
        made.append(event(attempt.graded_at, name, "graded", grader, graded, **manual))
    if attempt.deleted_at:
        made.append(event(attempt.deleted_at, "attempt_deleted", "deleted", grader, quiz, crud="d", level=TEACHING))
    return made
