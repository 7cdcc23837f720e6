"""What Moodle's log says: of attempts that are there, of ones that are gone, and things that nobody can read."""

from __future__ import annotations

import json

from tests.property.attempting import delete_attempts
from tests.property.institution import COURSES, USERS, Institution
from tests.property.packages import EXELEARNINGS

_QUIZ = (
    "started",
    "submitted",
    "reviewed",
    "regraded",
    "reopened",
    "abandoned",
    "deleted",
    "graded",
    "preview_started",
)
_PACKAGE = ("started", "completed", "completed", "deleted")
_ORIGINS = ("web", "ws", "cli")


def log_quiz_event(site: Institution, a: int, b: int, c: int) -> None:
    """Something is logged of a quiz attempt, or of one that never was."""
    there = site.pick("quiz_attempts", a) if b % 5 else None
    attempt = there or 9000 + a % 3
    owner = site.value(f"select userid from mdl_quiz_attempts where id = {there}") if there else USERS[a % len(USERS)]
    word = _QUIZ[c % len(_QUIZ)]
    _log(
        site, "mod_quiz", f"attempt_{word}", word, owner, c, objectid=attempt, target="attempt",
        other=json.dumps({"quizid": "1"}) if b % 2 else "null",
    )  # fmt: skip


def log_package_event(site: Institution, a: int, b: int, c: int) -> None:
    """A package's attempt begins, is done or deleted, as the log has it: as JSON or in PHP's form, or unreadable."""
    user, number, word = USERS[b % len(USERS)], 1 + c // 3 % 3, _PACKAGE[c % len(_PACKAGE)]
    status = ("completed", "passed", "failed", "gone")[b % 4]
    said: dict[str, object] = {"attemptid": str(number)} if word == "deleted" else {"attempt": number}
    if word == "completed":
        said |= {"score": c % 101, "status": status}
    php = "".join(
        f's:{len(name)}:"{name}";' + (f"i:{value};" if isinstance(value, int) else f's:{len(str(value))}:"{value}";')
        for name, value in said.items()
    )
    other = (json.dumps(said), f"a:{len(said)}:{{{php}}}", "{", json.dumps(said), None)[a % 5]
    owner = user if a % 7 else 0
    _log(
        site, "mod_exelearning", f"attempt_{word}", word, owner, c, objectid=EXELEARNINGS[a % 2], target="attempt",
        other=other,
    )  # fmt: skip


def log_reset(site: Institution, a: int, b: int, c: int) -> None:
    """A course is reset, the attempts at its packages and its quizzes with it or not."""
    course = COURSES[a % 2]
    if b % 2:
        for activity in site.ids("exelearning", f"course = {course}"):
            site.delete("exelearning_attempt", f"exelearningid = {activity}")
    if a % 3:
        delete_attempts(site, f"quiz in (select id from mdl_quiz where course = {course})")
    chosen = {"reset_exelearning": str(b % 2), "reset_quiz_attempts": int(a % 3 > 0)}
    options = {"reset_options": {"courseid": course, **chosen}}
    _log(
        site, "core", "course_reset_ended", "ended", None, c, target="course_reset", courseid=course,
        other=json.dumps(options),
    )  # fmt: skip


def _log(
    site: Institution, component: str, name: str, action: str, owner: int | None, c: int, **values: object
) -> None:
    place = {"courseid": COURSES[c % 2], "contextinstanceid": 1 + c % 4, "contextlevel": 70}
    site.insert(
        "logstore_standard_log", id=site.new_id(), eventname=f"\\{component}\\event\\{name}", component=component,
        action=action, crud="u", edulevel=2, contextid=1, userid=owner if c % 3 else 0, relateduserid=owner,
        timecreated=site.clock - (c % 4), origin=_ORIGINS[c % 3], **{**place, **values},
    )  # fmt: skip
