"""Who attempted which quiz when, and how it ended. The questions inside are in engine.py."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from ingestion.demo.enrolments import ORDINARY, Classes, Learner
from ingestion.demo.people import Person
from ingestion.demo.quizzes import Quiz, is_open
from ingestion.demo.world import DAY, HOUR, NOW, World

IN_PROGRESS, OVERDUE, FINISHED, ABANDONED = "inprogress", "overdue", "finished", "abandoned"

_SPACING = 3 * HOUR
_MARGIN = 2 * HOUR


@dataclass(slots=True)
class Attempt:
    """One attempt. `ended_at` is when Moodle processed its end, `finished_at` the time it then gave as the finish."""

    quiz: Quiz
    person: Person
    number: int
    started_at: int
    deadline: int
    state: str = IN_PROGRESS
    is_preview: bool = False
    is_online: bool = True
    finished_at: int = 0
    ended_at: int = 0
    overdue_at: int = 0
    graded_at: int = 0
    deleted_at: int = 0
    touched_at: int = 0
    id: int = 0
    mark: Decimal | None = None
    has_essay: bool = False

    def mark_at(self, when: int) -> Decimal | None:
        """The stored sum of marks at a moment: none before the end, nor while an answered essay waits for its mark."""
        if self.state != FINISHED or when < self.ended_at:
            return None
        return None if self.has_essay and (not self.graded_at or when < self.graded_at) else self.mark


def plan_attempts(world: World, quizzes: list[Quiz], classes: Classes) -> list[Attempt]:
    """About as many attempts as asked for, in order of their start, with ids and numbers."""
    dice = world.dice("attempts")
    pairs = [pair for quiz in quizzes for pair in _active_pairs(quiz, classes.learners[quiz.course.id], dice)]
    counts = _share_out(world.attempts, pairs, dice)
    live = _live_places(pairs)
    made: list[Attempt] = []
    for place, ((quiz, learner, _), count) in enumerate(zip(pairs, counts, strict=True)):
        series = list(_series(quiz, learner, count, live.get(place), dice))
        _maybe_delete_one(place, series, quiz)
        made += series
    for quiz in quizzes:
        if quiz.course.starts <= NOW and not quiz.plan.is_practice:
            made.append(_preview(quiz, classes.teachers[quiz.course.id][0], dice))
    made.sort(key=lambda attempt: (attempt.started_at, attempt.quiz.id, attempt.person.id))
    first = world.db.reserve("quiz_attempts", len(made))
    for attempt_id, attempt in enumerate(made, start=first):
        attempt.id = attempt_id
        world.see(attempt.person.id, attempt.quiz.course.id, attempt.started_at)
        if attempt.is_online and attempt.finished_at:
            world.see(attempt.person.id, attempt.quiz.course.id, attempt.finished_at)
    return made


Pair = tuple[Quiz, Learner, int]


def _window(quiz: Quiz, learner: Learner) -> tuple[int, int]:
    """The first and last moment at which the learner may start an attempt that is over before they leave."""
    closes, limit, _ = quiz.rules_for(learner)
    reserve = max(limit, HOUR) + quiz.plan.grace + _MARGIN
    begin = max(learner.since, quiz.opens, quiz.course.starts) + HOUR
    return begin, min(learner.until - reserve, NOW - reserve, closes - 600 if closes else NOW)


def _active_pairs(quiz: Quiz, learners: list[Learner], dice: random.Random) -> list[Pair]:
    """Quiz, learner and the most attempts that fit, for each learner who attempts the quiz at all."""
    if quiz.plan.is_practice:
        learners = [learner for learner in learners if learner.situation == ORDINARY and not learner.person.absent][:1]
    made = []
    for learner in learners:
        begin, end = _window(quiz, learner)
        allowed = quiz.rules_for(learner)[2] or 10**6
        most = min((end - begin) // _SPACING, allowed)
        if most >= 1 and not learner.person.absent and (dice.random() < 0.8 or quiz.plan.is_practice):
            made.append((quiz, learner, 1 if quiz.plan.is_practice else most))
    return made


def _share_out(wanted: int, pairs: list[Pair], dice: random.Random) -> list[int]:
    """One attempt for each pair, the rest at random among those that may have more."""
    counts = [1] * len(pairs)
    left = wanted - len(pairs)
    open_places = [place for place, pair in enumerate(pairs) if pair[2] > 1]
    while left > 0 and open_places:
        for place in dice.choices(open_places, k=left):
            if counts[place] < pairs[place][2]:
                counts[place] += 1
                left -= 1
        open_places = [place for place in open_places if counts[place] < pairs[place][2]]
    return counts


def _live_places(pairs: list[Pair]) -> dict[int, str]:
    """The few pairs with an attempt under way at this moment in a quiz with a time limit: place -> state."""
    made: dict[int, str] = {}
    seen: dict[int, int] = {}
    for place, (quiz, learner, most) in enumerate(pairs):
        closes, limit, allowed = quiz.rules_for(learner)
        is_present = learner.situation == ORDINARY and learner.person.deleted_at is None
        if limit and not allowed and most > 3 and is_open(quiz, closes) and is_present and seen.get(quiz.id, 0) < 4:
            seen[quiz.id] = seen.get(quiz.id, 0) + 1
            made[place] = OVERDUE if quiz.plan.grace and seen[quiz.id] > 2 else IN_PROGRESS
    return made


def _series(quiz: Quiz, learner: Learner, count: int, live: str | None, dice: random.Random) -> Iterator[Attempt]:
    begin, end = _window(quiz, learner)
    if live:
        end = max(begin + count * HOUR, end - 4 * DAY)
    step = (end - begin) // count
    for place in range(count):
        start = begin + place * step + int(dice.random() * 0.4 * step)
        yield _attempt(quiz, learner, place + 1, start, step // 2, place + 1 == count and not live, dice)
    if live:
        limit = quiz.rules_for(learner)[1]
        start = NOW - limit // 3 if live == IN_PROGRESS else NOW - limit - quiz.plan.grace // 2
        attempt = Attempt(quiz, learner.person, count + 1, start, start + limit, live)
        if live == OVERDUE:
            attempt.overdue_at = attempt.touched_at = attempt.deadline + 120
        yield attempt


def _attempt(
    quiz: Quiz, learner: Learner, number: int, start: int, room: int, is_last: bool, dice: random.Random
) -> Attempt:
    plan = quiz.plan
    closes, limit, _ = quiz.rules_for(learner)
    deadline = min((moment for moment in (limit and start + limit, closes) if moment), default=0)
    attempt = Attempt(quiz, learner.person, number, start, deadline)
    if is_last and not deadline and not plan.is_practice and dice.random() < 0.06:
        return attempt
    duration = min(dice.randrange(240, 1800), room)
    is_late = (
        bool(limit)
        and dice.random() < (0.25 if plan.overdue == "autoabandon" else 0.12)
        and limit + plan.grace + 900 <= room
    )
    if limit:
        duration = min(duration, limit * 9 // 10)
    if deadline and (is_late or start + duration >= deadline):
        _run_over(attempt, dice)
    else:
        attempt.state, attempt.finished_at, attempt.ended_at = FINISHED, start + duration, start + duration
    if plan.has_essay and attempt.state == FINISHED:
        graded_at = attempt.ended_at + dice.randrange(DAY, 6 * DAY)
        if graded_at < min(NOW, learner.until) and dice.random() < 0.85:
            attempt.graded_at = graded_at
    return attempt


def _run_over(attempt: Attempt, dice: random.Random) -> None:
    """What the quiz's overdue handling does when its cron finds the attempt past its deadline."""
    plan, found = attempt.quiz.plan, attempt.deadline + dice.randrange(70, 560)
    attempt.is_online = False
    if plan.overdue == "autosubmit":
        attempt.state, attempt.finished_at, attempt.ended_at = FINISHED, attempt.deadline, found
    elif plan.overdue == "graceperiod":
        attempt.overdue_at = found
        if dice.random() < 0.5:
            back = found + dice.randrange(60, plan.grace - 600)
            attempt.state, attempt.finished_at, attempt.ended_at, attempt.is_online = FINISHED, back, back, True
        else:
            attempt.state, attempt.ended_at = ABANDONED, attempt.deadline + plan.grace + found % 300
    else:
        attempt.state, attempt.ended_at = ABANDONED, found


def _maybe_delete_one(place: int, series: list[Attempt], quiz: Quiz) -> None:
    """A teacher deletes the second of three attempts here and there: its number stays free."""
    if place % 211 == 5 and len(series) >= 3 and not quiz.plan.attempts and series[1].ended_at:
        series[1].deleted_at = max(series[1].ended_at, series[1].graded_at) + 5 * HOUR


def _preview(quiz: Quiz, teacher: Person, dice: random.Random) -> Attempt:
    start = max(quiz.activity.added + DAY, teacher.created + DAY) + dice.randrange(DAY)
    attempt = Attempt(quiz, teacher, 1, start, 0, is_preview=True)
    if dice.random() < 0.7:
        attempt.state, attempt.finished_at, attempt.ended_at = FINISHED, start + 300, start + 300
    return attempt
