"""The standard log: what the quizzes' attempts wrote into it, and lines of other parts of the site between them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass

from ingestion.demo.attempts import ABANDONED, FINISHED, Attempt
from ingestion.demo.people import People
from ingestion.demo.world import MODULE, SYSTEM, World

PARTICIPATING, TEACHING, OTHER = 2, 1, 0


@dataclass(frozen=True, slots=True)
class Event:
    """One event about an attempt. `by` is 0 for the cron."""

    moment: int
    name: str
    action: str
    by: int
    attempt: Attempt
    other: Mapping[str, object] | None = None
    crud: str = "u"
    level: int = PARTICIPATING
    target: str = "attempt"


def write_log(world: World, attempts: list[Attempt], graders: dict[int, int], people: People) -> None:
    """All log lines in order of time; deleted attempts left theirs behind, previews never submit."""
    dice = world.dice("log")
    events = [event for attempt in attempts for event in _events(attempt, graders[attempt.quiz.course.id], dice)]
    events.sort(key=lambda event: (event.moment, event.attempt.id))
    for place, event in enumerate(events):
        attempt = event.attempt
        world.db.add(
            "logstore_standard_log", eventname=rf"\mod_quiz\event\{event.name}", component="mod_quiz",
            action=event.action, target=event.target, objecttable="quiz_attempts", objectid=attempt.id,
            crud=event.crud, edulevel=event.level, contextid=attempt.quiz.activity.place.id, contextlevel=MODULE,
            contextinstanceid=attempt.quiz.activity.id, userid=event.by, courseid=attempt.quiz.course.id,
            relateduserid=attempt.person.id, other=json.dumps(event.other, separators=(",", ":")),
            timecreated=event.moment, origin="web" if event.by else "cli",
            ip=f"198.51.100.{attempt.person.id % 250}" if event.by else None,
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


def _events(attempt: Attempt, grader: int, dice: random.Random) -> list[Event]:
    user, quiz = attempt.person.id, {"quizid": str(attempt.quiz.id)}
    if attempt.is_preview:
        return [
            Event(
                attempt.started_at,
                "attempt_preview_started",
                "started",
                user,
                attempt,
                quiz,
                "c",
                TEACHING,
                "attempt_preview",
            )
        ]
    end = {"submitterid": str(user) if attempt.is_online else None, **quiz, "studentisonline": attempt.is_online}
    offline = {"submitterid": None, **quiz, "studentisonline": False}
    made = [Event(attempt.started_at, "attempt_started", "started", user, attempt, None, "c")]
    if attempt.state == FINISHED and dice.random() < 0.6:
        moment = (attempt.started_at + attempt.finished_at) // 2
        made.append(Event(moment, "attempt_updated", "updated", user, attempt, {**quiz, "page": "0"}))
    if attempt.overdue_at:
        made.append(Event(attempt.overdue_at, "attempt_becameoverdue", "becameoverdue", 0, attempt, offline))
    if attempt.state == FINISHED:
        by = user if attempt.is_online else 0
        made.append(Event(attempt.ended_at, "attempt_submitted", "submitted", by, attempt, end))
        if attempt.is_online and dice.random() < 0.4:
            made.append(Event(attempt.ended_at + 20, "attempt_reviewed", "reviewed", user, attempt, quiz, "r"))
    elif attempt.state == ABANDONED:
        made.append(Event(attempt.ended_at, "attempt_abandoned", "abandoned", 0, attempt, offline))
    if attempt.graded_at:
        graded = {**quiz, "attemptid": str(attempt.id)}
        made.append(
            Event(
                attempt.graded_at,
                "attempt_manual_grading_completed",
                "graded",
                grader,
                attempt,
                graded,
                "u",
                TEACHING,
                "attempt_manual",
            )
        )
    if attempt.deleted_at:
        made.append(Event(attempt.deleted_at, "attempt_deleted", "deleted", grader, attempt, quiz, "d", TEACHING))
    return made
