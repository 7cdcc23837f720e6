"""Quiz grades as Moodle stores them: the attempts' ends replayed in order, with what each pushed to the gradebook."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

from ingestion.demo.attempts import ABANDONED, FINISHED, Attempt
from ingestion.demo.catalogue import AVERAGE, FIRST, HIGHEST
from ingestion.demo.people import Person
from ingestion.demo.quizzes import Quiz
from ingestion.demo.world import World, grade


@dataclass(frozen=True, slots=True)
class Push:
    """What the quiz told the gradebook at a moment. `maximum` is the quiz's grade at that time."""

    moment: int
    value: Decimal | None
    maximum: Decimal
    submitted: int


@dataclass(slots=True)
class Result:
    """One learner's standing in one quiz. `stored` is None where no quiz grade is kept."""

    quiz: Quiz
    person: Person
    attempts: list[Attempt]
    stored: Decimal | None = None
    stored_at: int = 0
    first_stored_at: int = 0
    pushes: list[Push] = field(default_factory=list)


def replay(attempts: list[Attempt]) -> list[Result]:
    """One result for each quiz and learner with attempts. Previews give none.

    Moodle recalculates when an attempt is finished, marked or deleted, over finished and abandoned attempts. Abandoning
    alone recalculates nothing, so a grade may outlive the attempts it should come from.
    """
    counted = sorted(
        (attempt for attempt in attempts if not attempt.is_preview),
        key=lambda attempt: (attempt.quiz.id, attempt.person.id, attempt.number),
    )
    return [
        _replay_one(list(group))
        for _, group in groupby(counted, key=lambda attempt: (attempt.quiz.id, attempt.person.id))
    ]


def _replay_one(attempts: list[Attempt]) -> Result:
    quiz = attempts[0].quiz
    result = Result(quiz, attempts[0].person, attempts)
    moments = set()
    for attempt in attempts:
        if attempt.state == FINISHED:
            moments |= {attempt.ended_at, attempt.graded_at}
        moments.add(attempt.deleted_at)
    for moment in sorted(moments | ({quiz.doubled_at} if quiz.doubled_at else set())):
        if moment == 0:
            continue
        if moment == quiz.doubled_at:
            value = None if result.stored is None else grade(result.stored * 2)
            if value is None:
                continue
        else:
            value = _recalculate(quiz, attempts, moment)
        _store(result, moment, value)
    return result


def _store(result: Result, moment: int, value: Decimal | None) -> None:
    if value is None:
        result.first_stored_at = 0
    elif not result.first_stored_at:
        result.first_stored_at = moment
    result.stored, result.stored_at = value, moment
    submitted = max((a.finished_at for a in result.attempts if a.finished_at <= moment), default=0)
    result.pushes.append(Push(moment, value, result.quiz.grade_at(moment), submitted))


def _recalculate(quiz: Quiz, attempts: list[Attempt], moment: int) -> Decimal | None:
    over = [
        attempt
        for attempt in attempts
        if attempt.state in (FINISHED, ABANDONED)
        and attempt.ended_at <= moment
        and not (attempt.deleted_at and attempt.deleted_at <= moment)
    ]
    if not over:
        return None
    marks = [attempt.mark_at(moment) for attempt in over]
    known = [mark for mark in marks if mark is not None]
    best: Decimal | None
    if quiz.plan.method == HIGHEST:
        best = max(known, default=None)
    elif quiz.plan.method == AVERAGE:
        best = sum(known, Decimal(0)) / len(known) if known else None
    else:
        best = marks[0 if quiz.plan.method == FIRST else -1]
    return None if best is None else grade(best * quiz.grade_at(moment) / quiz.sum_of_marks)


def write_quiz_grades(world: World, results: list[Result]) -> None:
    """The quiz grades, in the order in which they came into being."""
    kept = [result for result in results if result.stored is not None]
    for result in sorted(kept, key=lambda result: (result.first_stored_at, result.quiz.id, result.person.id)):
        world.db.add(
            "quiz_grades", quiz=result.quiz.id, userid=result.person.id, grade=result.stored,
            timemodified=result.stored_at,
        )  # fmt: skip
