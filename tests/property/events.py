"""What can happen to an institution, each thing written as Moodle writes it.

An event is (name, three whole numbers); the numbers choose among what there is, so that any event fits any state and a
shorter history stays a valid one.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.property.administering import (
    clock,
    complete,
    course_module,
    delete_quiz,
    edit_course,
    edit_question,
    edit_quiz,
    edit_user,
    enrolment,
    feedback,
    group,
    method,
    reset_course,
    role,
    setting,
    upgrade,
)
from tests.property.attempting import attempt, autosave, delete_attempt, regrade, stranger, transition
from tests.property.grading import drop_grade, edit_item, grade_by_hand, replace_item, store_grade
from tests.property.institution import Institution
from tests.property.logging import log_package_event, log_quiz_event, log_reset
from tests.property.packages import (
    commit_package,
    delete_package_attempt,
    edit_package,
    report_old_scorm,
    report_scorm,
)

Event = tuple[str, int, int, int]

EVENTS: dict[str, Callable[[Institution, int, int, int], None]] = {
    event.__name__: event
    for event in (
        attempt,
        stranger, autosave, transition, regrade, delete_attempt, store_grade, drop_grade, grade_by_hand, edit_item,
        replace_item, edit_quiz, delete_quiz, feedback, edit_question, edit_user, enrolment, method, role, complete,
        course_module, edit_course, reset_course, setting, group, clock, upgrade,
        commit_package, delete_package_attempt, edit_package, report_scorm, report_old_scorm,
        log_quiz_event, log_package_event, log_reset,
    )
}  # fmt: skip


def happen(site: Institution, event: Event) -> None:
    """Let an event happen, in one transaction; a second later the next one can."""
    name, a, b, c = event
    site.connection.execute("begin")
    EVENTS[name](site, a, b, c)
    site.connection.execute("commit")
    site.clock += 1
