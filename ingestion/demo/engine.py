"""The question engine's rows: usages, question attempts and steps, and the marks that come of them."""

from __future__ import annotations

import math
import random
from decimal import Decimal

from ingestion.demo.attempts import ABANDONED, FINISHED, OVERDUE, Attempt
from ingestion.demo.questions import ONE, PARTIAL, PENALTY, ZERO, Question, Slot
from ingestion.demo.world import NOW, World, grade
from ingestion.demo.write import Row

# Usages are shared by all of Moodle's activities, so their ids are not those of quiz attempts.
_FIRST_USAGE = 1001

_CERTAINTY_RIGHT = (Decimal(1), Decimal(2), Decimal(3))
_CERTAINTY_WRONG = (Decimal(0), Decimal(-2), Decimal(-6))

Step = tuple[int, str, Decimal | None, int, int]  # sequence number, state, fraction, time, user


def write_attempts(world: World, attempts: list[Attempt], graders: dict[int, int]) -> None:
    """Answer every attempt and write it with its usage; `graders` are the users who mark essays, by course id.

    Deleted attempts get their mark, which grades of their time came of, but no rows.
    """
    dice = world.dice("answers")
    world.db.start_ids("question_usages", _FIRST_USAGE)
    for attempt in attempts:
        answers = _Answers(world, attempt, graders[attempt.quiz.course.id], dice)
        attempt.mark, attempt.has_essay = answers.mark, answers.has_essay
        attempt.graded_at = attempt.graded_at if answers.has_essay else 0
        attempt.touched_at = max(attempt.touched_at, attempt.ended_at, attempt.graded_at, answers.saved_at)
        if not attempt.deleted_at:
            _write_attempt(world, attempt, answers.write())


def _write_attempt(world: World, attempt: Attempt, usage: int) -> None:
    mark = attempt.mark_at(NOW)
    check = None
    if attempt.state not in (FINISHED, ABANDONED) and attempt.deadline:
        check = attempt.deadline + (attempt.quiz.plan.grace if attempt.state == OVERDUE else 0)
    pages = max(slot.page for slot in attempt.quiz.slots)
    layout = []
    for page in range(1, pages + 1):
        layout += [str(slot.number) for slot in attempt.quiz.slots if slot.page == page] + ["0"]
    row = (
        attempt.id, attempt.quiz.id, attempt.person.id, attempt.number, usage, ",".join(layout),
        pages - 1 if attempt.finished_at else 0, int(attempt.is_preview), attempt.state, attempt.started_at,
        attempt.finished_at, attempt.touched_at, 0, check, None if mark is None else format(mark, "f"),
        None if mark is None else attempt.touched_at,
    )  # fmt: skip
    world.db.extend("quiz_attempts", [row])


class _Answers:
    """How one attempt's questions were answered."""

    def __init__(self, world: World, attempt: Attempt, grader: int, dice: random.Random) -> None:
        self._world, self._attempt, self._grader, self._dice = world, attempt, grader, dice
        self.saved_at = attempt.started_at
        self._until = attempt.finished_at or min(attempt.deadline or NOW, attempt.started_at + 1800, NOW - 60)
        pool = [slot.candidates for slot in attempt.quiz.slots if len(slot.candidates) > 1]
        drawn = dice.sample(pool[0], len(pool)) if pool else []
        self._parts: list[tuple[Slot, Question, list[Step]]] = []
        total = ZERO
        for slot in attempt.quiz.slots:
            question = drawn.pop() if len(slot.candidates) > 1 else slot.candidates[0]
            steps = self._steps(slot, question)
            self._parts.append((slot, question, steps))
            total += slot.max_mark * (steps[-1][2] or ZERO)
        self.mark = grade(total) if attempt.state == FINISHED else None
        self.has_essay = any(state == "needsgrading" for *_, steps in self._parts for _, state, *_ in steps)

    def write(self) -> int:
        """Write usage, question attempts and steps; returns the usage's id."""
        db, attempt = self._world.db, self._attempt
        behaviour = attempt.quiz.plan.behaviour
        usage = db.add(
            "question_usages", contextid=attempt.quiz.activity.place.id, component="mod_quiz",
            preferredbehaviour=behaviour,
        )  # fmt: skip
        first = db.reserve("question_attempts", len(self._parts))
        first_step = db.reserve("question_attempt_steps", sum(len(steps) for _, _, steps in self._parts))
        questions: list[Row] = []
        rows: list[Row] = []
        for number, (slot, question, steps) in enumerate(self._parts, start=first):
            kind = {"essay": "manualgraded", "description": "informationitem"}.get(question.kind, behaviour)
            answer = (
                None if len(steps) < 2 or question.kind == "description" else f"resposta {number} «{question.kind}»"
            )
            row = (
                number, usage, slot.number, kind, question.version_at(attempt.started_at), 1,
                format(slot.max_mark, "f"), format(slot.min_fraction, "f"), format(slot.max_fraction, "f"),
                int(number % 29 == 0), f"pregunta {question.entry}", "solució", answer, max(step[3] for step in steps),
            )  # fmt: skip
            questions.append(row)
            for sequence, state, fraction, moment, user in steps:
                text = None if fraction is None else format(fraction, "f")
                rows.append((first_step + len(rows), number, sequence, state, text, moment, user))
        db.extend("question_attempts", questions)
        db.extend("question_attempt_steps", rows)
        return usage

    def _steps(self, slot: Slot, question: Question) -> list[Step]:
        attempt, dice, user = self._attempt, self._dice, self._attempt.person.id
        steps: list[Step] = [(0, "todo", None, attempt.started_at, user)]
        span = self._until - attempt.started_at
        moment = attempt.started_at + span * slot.number // (len(attempt.quiz.slots) + 1)
        is_answered = question.kind != "description" and dice.random() < (0.95 if attempt.finished_at else 0.5)
        if is_answered:
            if dice.random() < 0.08:
                first = "invalid" if question.kind in ("numerical", "match") else "complete"
                steps.append((1, first, None, moment - span // 20, user))
            steps.append((len(steps), "complete", None, moment, user))
            self.saved_at = max(self.saved_at, moment)
        if attempt.state == FINISHED:
            state, fraction = self._outcome(slot, question, is_answered)
            steps.append((len(steps), state, fraction, attempt.finished_at, user))
            if state == "needsgrading" and attempt.graded_at:
                fraction = self._judge(slot, question)
                steps.append((len(steps), "mangr" + _verdict(fraction), fraction, attempt.graded_at, self._grader))
        elif is_answered and dice.random() < 0.3:
            # An autosave lives until the next real step: it survives in attempts that never got one.
            steps.append((-len(steps), "complete", None, moment + 30, user))
        return steps

    def _outcome(self, slot: Slot, question: Question, is_answered: bool) -> tuple[str, Decimal | None]:
        if question.kind == "description":
            return "finished", None
        if question.kind == "essay" and is_answered:
            return "needsgrading", None
        if not is_answered:
            return "gaveup", None
        fraction = self._judge(slot, question)
        return "graded" + _verdict(fraction), fraction

    def _judge(self, slot: Slot, question: Question) -> Decimal:
        attempt, dice = self._attempt, self._dice
        skill = attempt.person.ability - question.difficulty + 0.25 * (attempt.number - 1)
        is_right = dice.random() < 1 / (1 + math.exp(-skill))
        if slot.max_fraction > 1:
            return dice.choices(_CERTAINTY_RIGHT if is_right else _CERTAINTY_WRONG, weights=(5, 3, 1))[0]
        if is_right:
            return ONE
        if slot.min_fraction < 0:
            return PENALTY
        return dice.choice(PARTIAL[question.kind])


def _verdict(fraction: Decimal) -> str:
    """The last part of Moodle's state for a fraction."""
    if fraction < Decimal("0.000001"):
        return "wrong"
    return "right" if fraction > Decimal("0.999999") else "partial"
