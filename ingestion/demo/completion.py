"""Completion of activities and courses, views, and IOMAD's track of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal

from ingestion.demo.courses import Activity, Course
from ingestion.demo.enrolments import Classes, Learner
from ingestion.demo.gradebook import Grade, Gradebook
from ingestion.demo.gradeitems import GradeItem
from ingestion.demo.world import DAY, NOW, World

INCOMPLETE, COMPLETE, PASSED, FAILED = range(4)
_BY_ACTIVITY, _BY_GRADE = 4, 6
_COURSE_PASS = Decimal(50)


@dataclass(slots=True)
class Standing:
    """A learner's way through a course: (state, time) by activity, and when the course was completed, 0 if not."""

    learner: Learner
    states: dict[int, tuple[int, int]] = field(default_factory=dict)
    completed_at: int = 0


def write_completion(
    world: World, courses: list[Course], classes: Classes, items: dict[int, list[GradeItem]], book: Gradebook
) -> list[Standing]:
    """Rows of activity and course completion for the courses that track it; they outlive an unenrolment."""
    past = {(row.item.id, row.person.id): row for row in book.past}
    standings = []
    criteria = {course.id: _write_criteria(world, course) for course in courses}
    for course in courses:
        dice = world.dice(f"completion {course.id}")
        by_activity = {item.activity.id: item for item in items[course.id] if item.activity}
        for learner in classes.learners[course.id]:
            standing = Standing(learner)
            if course.plan.completion and learner.since < NOW and not learner.person.absent:
                for activity in course.activities:
                    if activity.completion and not activity.is_leaving:
                        item = by_activity.get(activity.id)
                        key = item.id if item else 0, learner.person.id
                        # Completion came of the grades before they went.
                        _complete(standing, activity, item, past.get(key) or book.rows.get(key), dice)
            if course.plan.completion:
                _complete_course(standing, criteria[course.id], items[course.id][0], book, past)
            standings.append(standing)
    _write(world, standings, classes, criteria)
    return standings


def _complete(
    standing: Standing, activity: Activity, item: GradeItem | None, row: Grade | None, dice: random.Random
) -> None:
    learner = standing.learner
    begin, end = learner.since + 2 * DAY, min(learner.until, NOW) - DAY
    if activity.by_grade and item is not None:
        if row is not None and row.final is not None and row.graded_at is not None:
            state = COMPLETE
            if item.pass_grade:
                state = PASSED if row.final >= item.pass_grade else FAILED
            standing.states[activity.id] = state, row.graded_at
    elif begin < end and dice.random() < 0.9:
        # A few took the mark off again: such a row stays, and says incomplete.
        took_back = not activity.by_view and dice.random() < 0.03
        standing.states[activity.id] = INCOMPLETE if took_back else COMPLETE, dice.randrange(begin, end)


def _write_criteria(world: World, course: Course) -> list[tuple[int, Activity | None]]:
    """(criterion, activity) pairs; the activity is None for the criterion by course grade."""
    if not course.plan.completion:
        return []
    made: list[tuple[int, Activity | None]] = []
    if course.plan.criteria == "grade":
        made.append(
            (
                world.db.add(
                    "course_completion_criteria", course=course.id, criteriatype=_BY_GRADE, gradepass=_COURSE_PASS
                ),
                None,
            )
        )
    else:
        # Not every tracked activity is asked for: progress and completion are two things.
        for activity in [activity for activity in course.activities if activity.completion and not activity.is_leaving][
            :4
        ]:
            number = world.db.add(
                "course_completion_criteria", course=course.id, criteriatype=_BY_ACTIVITY, module=activity.module,
                moduleinstance=activity.id,
            )  # fmt: skip
            made.append((number, activity))
        world.db.add("course_completion_aggr_methd", course=course.id, criteriatype=_BY_ACTIVITY, method=1)
    world.db.add("course_completion_aggr_methd", course=course.id, criteriatype=None, method=1)
    return made


def _complete_course(
    standing: Standing,
    criteria: list[tuple[int, Activity | None]],
    total: GradeItem,
    book: Gradebook,
    past: dict[tuple[int, int], Grade],
) -> None:
    moments = []
    for _, activity in criteria:
        if activity is not None:
            state, moment = standing.states.get(activity.id, (INCOMPLETE, 0))
            moments.append(moment if state in (COMPLETE, PASSED) else 0)
        else:
            key = total.id, standing.learner.person.id
            row = past.get(key) or book.rows.get(key)
            passed = row is not None and row.final is not None and row.final >= _COURSE_PASS
            moments.append((row.graded_at or 0) if row is not None and passed else 0)
    standing.completed_at = max(moments) if moments and all(moments) else 0


def _write(
    world: World,
    standings: list[Standing],
    classes: Classes,
    criteria: dict[int, list[tuple[int, Activity | None]]],
) -> None:
    dice = world.dice("completion")
    done, viewed = [], []
    for standing in standings:
        learner = standing.learner
        user_id, course = learner.person.id, learner.course
        teacher = classes.teachers[course.id][0]
        by_id = {activity.id: activity for activity in course.activities}
        for activity_id, (state, moment) in standing.states.items():
            by_hand = not by_id[activity_id].by_view and not by_id[activity_id].by_grade
            forced = teacher.id if state == COMPLETE and by_hand and dice.random() < 0.04 else None
            done.append((moment, activity_id, user_id, state, forced))
            if by_id[activity_id].by_view:
                viewed.append((moment, activity_id, user_id))
            if forced is None and not by_id[activity_id].by_grade:
                world.see(user_id, course.id, moment)
        _write_course_row(world, standing, criteria[course.id])
    for moment, activity_id, user_id, state, forced in sorted(done, key=lambda row: row[:3]):
        world.db.add(
            "course_modules_completion", coursemoduleid=activity_id, userid=user_id, completionstate=state,
            overrideby=forced, timemodified=moment,
        )  # fmt: skip
    for moment, activity_id, user_id in sorted(viewed):
        world.db.add("course_modules_viewed", coursemoduleid=activity_id, userid=user_id, timecreated=moment)


def _write_course_row(world: World, standing: Standing, criteria: list[tuple[int, Activity | None]]) -> None:
    learner = standing.learner
    if not learner.course.plan.completion:
        return
    user_id, course_id = learner.person.id, learner.course.id
    started = min((moment for _, moment in standing.states.values()), default=0)
    world.db.add(
        "course_completions", userid=user_id, course=course_id, timeenrolled=min(learner.since, NOW - DAY),
        timestarted=started, timecompleted=standing.completed_at or None, reaggregate=0,
    )  # fmt: skip
    for criterion, activity in criteria:
        state, moment = standing.states.get(activity.id, (0, 0)) if activity else (COMPLETE, standing.completed_at)
        if state in (COMPLETE, PASSED) and moment:
            world.db.add(
                "course_completion_crit_compl", userid=user_id, course=course_id, criteriaid=criterion,
                timecompleted=moment, gradefinal=None if activity else _COURSE_PASS,
            )  # fmt: skip
