"""Quizzes: settings, feedback, overrides, and what they come to for one learner."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from ingestion.demo.catalogue import QuizPlan, moment
from ingestion.demo.courses import Activity, Course
from ingestion.demo.enrolments import Classes, Learner
from ingestion.demo.questions import ZERO, Bank, Slot
from ingestion.demo.world import DAY, HOUR, NOW, World

_REVIEW = 0x11110


@dataclass(slots=True)
class Override:
    """Settings for one learner or one group; None leaves the quiz's own."""

    closes: int | None = None
    limit: int | None = None
    attempts: int | None = None


@dataclass(slots=True)
class Quiz:
    """One quiz. `doubled_at` is when its maximum grade was doubled from half of what it is now."""

    id: int
    plan: QuizPlan
    course: Course
    activity: Activity
    opens: int
    closes: int
    slots: list[Slot]
    doubled_at: int | None
    locked_at: int | None
    for_user: dict[int, Override] = field(default_factory=dict)
    for_group: dict[int, Override] = field(default_factory=dict)

    @property
    def sum_of_marks(self) -> Decimal:
        return sum((slot.max_mark for slot in self.slots), ZERO)

    def grade_at(self, when: int) -> Decimal:
        """The quiz's maximum grade at a moment."""
        full = Decimal(self.plan.grade)
        return full / 2 if self.doubled_at is not None and when < self.doubled_at else full

    def rules_for(self, learner: Learner) -> tuple[int, int, int]:
        """(closes, time limit, attempts) for a learner, 0 meaning none: the learner's own, else the groups' best."""
        own = self.for_user.get(learner.person.id, Override())
        groups = [self.for_group[group] for group in learner.groups if group in self.for_group]
        return (
            _best(self.closes, own.closes, (group.closes for group in groups)),
            _best(self.plan.limit, own.limit, (group.limit for group in groups)),
            _best(self.plan.attempts, own.attempts, (group.attempts for group in groups)),
        )


def _best(fallback: int, own: int | None, groups: Iterable[int | None]) -> int:
    if own is not None:
        return own
    offered = [value for value in groups if value is not None]
    if not offered:
        return fallback
    return 0 if 0 in offered else max(offered)


def make_quizzes(world: World, courses: list[Course], classes: Classes) -> list[Quiz]:
    """All quizzes with their slots, sections, feedback, sub-grades and overrides."""
    made = []
    for course in courses:
        teacher = classes.teachers[course.id][0]
        bank = Bank(world, course, teacher.id)
        for activity in course.activities:
            if activity.plan is not None:
                quiz = _make_quiz(world, course, activity, activity.plan, bank)
                dice = world.dice(f"overrides {quiz.id}")
                _make_overrides(world, quiz, classes.learners[course.id], dice)
                made.append(quiz)
    return made


def _make_quiz(world: World, course: Course, activity: Activity, plan: QuizPlan, bank: Bank) -> Quiz:
    db = world.db
    sub_grades = [
        db.add("quiz_grade_items", quizid=activity.instance, sortorder=order, name=name)
        for order, name in enumerate(("Content", "Language") if plan.sub_grades else (), start=1)
    ]
    quiz = Quiz(
        id=activity.instance, plan=plan, course=course, activity=activity, opens=moment(plan.opens),
        closes=moment(plan.closes), slots=bank.make_slots(activity, sub_grades),
        doubled_at=moment(plan.doubled) or None, locked_at=moment(plan.locked) or None,
    )  # fmt: skip
    reviews = ("reviewattempt", "reviewcorrectness", "reviewmaxmarks", "reviewmarks")
    db.add(
        "quiz", id=quiz.id, course=course.id, name=plan.name, intro="<p>…</p>", timeopen=quiz.opens,
        timeclose=quiz.closes, timelimit=plan.limit, overduehandling=plan.overdue, graceperiod=plan.grace,
        preferredbehaviour=plan.behaviour, attempts=plan.attempts, grademethod=plan.method, questionsperpage=2,
        navmethod="sequential" if plan.sequential else "free", shuffleanswers=1, sumgrades=quiz.sum_of_marks,
        grade=Decimal(plan.grade), timecreated=activity.added, timemodified=quiz.doubled_at or activity.added,
        password="demo-secret-quiz" if plan.limit else "", **dict.fromkeys(reviews, _REVIEW),
    )  # fmt: skip
    db.add("quiz_sections", quizid=quiz.id, firstslot=1, heading="", shufflequestions=0)
    if len(quiz.slots) > 3:
        db.add("quiz_sections", quizid=quiz.id, firstslot=3, heading="Segunda parte", shufflequestions=0)
    top, half = Decimal(plan.grade) + 1, Decimal(plan.grade) / 2
    for text, low, high in (("¡Muy bien!", half, top), ("Repasa el tema", ZERO, half)):
        if plan.grade:
            db.add(
                "quiz_feedback", quizid=quiz.id, feedbacktext=text, feedbacktextformat=1, mingrade=low, maxgrade=high
            )
    return quiz


def _make_overrides(world: World, quiz: Quiz, learners: list[Learner], dice: random.Random) -> None:
    """More time or attempts for a few learners and groups, where the quiz limits them at all."""
    members = [learner for learner in learners if learner.is_member]
    if not (quiz.closes or quiz.plan.limit or quiz.plan.attempts) or len(members) < 4:
        return
    chosen = dice.sample(members, 3)
    closes, limit, attempts = quiz.closes, quiz.plan.limit, quiz.plan.attempts
    wishes = [
        Override(closes=closes + 5 * DAY if closes else None, limit=limit * 2 or None),
        Override(attempts=attempts + 2 if attempts else None, limit=limit + HOUR if limit else None),
        Override(closes=0 if closes else None, limit=0 if limit else None),
    ]
    for learner, wish in zip(chosen, wishes, strict=True):
        if wish != Override():
            quiz.for_user[learner.person.id] = wish
            _write_override(world, quiz, wish, userid=learner.person.id)
    for group, extra in zip(quiz.course.groups[1:], (900, 1800), strict=True):
        wish = Override(limit=limit + extra if limit else None, closes=closes + DAY if closes else None)
        if wish != Override():
            quiz.for_group[group] = wish
            _write_override(world, quiz, wish, groupid=group)


def _write_override(world: World, quiz: Quiz, wish: Override, **whom: int) -> None:
    world.db.add(
        "quiz_overrides", quiz=quiz.id, timeclose=wish.closes, timelimit=wish.limit, attempts=wish.attempts, **whom
    )


def is_open(quiz: Quiz, closes: int) -> bool:
    """Whether the quiz can be attempted now, given its effective closing time."""
    return quiz.opens <= NOW and quiz.course.starts <= NOW and (not closes or closes > NOW)
