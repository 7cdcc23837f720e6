"""Grades in the gradebook: what activities pushed, what teachers did to it, totals, and its history."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal

from ingestion.demo.catalogue import NATURAL
from ingestion.demo.enrolments import FOREVER, Classes, Learner
from ingestion.demo.gradeitems import GradeItem
from ingestion.demo.packages import PACKAGES, Play
from ingestion.demo.people import ADMIN, Person
from ingestion.demo.results import Push, Result
from ingestion.demo.world import DAY, HOUR, NOW, World, grade

INSERTED, UPDATED, DELETED = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the grade history: the row's values after the change."""

    moment: int
    action: int
    source: str | None
    by: int
    values: dict[str, object]


@dataclass(slots=True)
class Grade:
    """One row of grade_grades. `gone_at` is when an unenrolment or a deleted account removed it, 0 if it stands."""

    item: GradeItem
    person: Person
    made_at: int
    raw: Decimal | None = None
    raw_maximum: Decimal = Decimal(100)
    final: Decimal | None = None
    hidden: int = 0
    locked: int = 0
    overridden: int = 0
    excluded: int = 0
    graded_at: int | None = None
    submitted_at: int | None = None
    by: int | None = None
    status: str = "unknown"
    weight: Decimal | None = None
    gone_at: int = 0
    history: list[Entry] = field(default_factory=list)

    def values(self) -> dict[str, object]:
        """The columns that grade_grades and its history have in common."""
        return {
            "itemid": self.item.id, "userid": self.person.id, "rawgrade": self.raw, "rawgrademax": self.raw_maximum,
            "rawgrademin": self.item.minimum, "rawscaleid": self.item.scale_id, "usermodified": self.by,
            "finalgrade": self.final, "hidden": self.hidden, "locked": self.locked, "overridden": self.overridden,
            "excluded": self.excluded,
        }  # fmt: skip

    def note(self, moment: int, source: str | None, by: int, action: int | None = None) -> None:
        """Write what stands now into the history."""
        action = action or (UPDATED if self.history else INSERTED)
        self.history.append(Entry(moment, action, source, by, self.values()))

    def take(self, push: Push, source: str, by: int) -> None:
        """A grade arrives from the activity. Locks keep it out; an override keeps the final grade."""
        if (self.item.locked_at and push.moment >= self.item.locked_at) or self.locked:
            return
        self.raw, self.raw_maximum = push.value, push.maximum
        self.graded_at = push.moment if push.value is not None else None
        self.submitted_at = push.submitted or None
        self.by = by
        if not self.overridden:
            self.final = self.item.final_of(push.value, push.maximum)
        self.note(push.moment, source, by)


class Gradebook:
    """All grade rows of the site, by (item id, user id); a learner who returned has their new, empty rows there.

    `plays` is the work in packages that grades came of.
    """

    def __init__(
        self, world: World, items: dict[int, list[GradeItem]], results: list[Result], classes: Classes
    ) -> None:
        self.rows: dict[tuple[int, int], Grade] = {}
        self.past: list[Grade] = []
        self.plays: list[Play] = []
        self._dice = world.dice("gradebook")
        self._results = {(result.quiz.id, result.person.id): result for result in results}
        self._turn = self._kept_maxima = 0
        for course_id, course_items in items.items():
            teacher = classes.teachers[course_id][0]
            for learner in classes.learners[course_id]:
                if learner.since < NOW:
                    self._grade_learner(learner, course_items, teacher)

    def _grade_learner(self, learner: Learner, items: list[GradeItem], teacher: Person) -> None:
        rows = [row for item in items[1:] if (row := self._grade(learner, item, teacher)) is not None]
        if rows:
            graded = {row.item.id for row in rows}
            began = min(row.made_at for row in rows)
            for item in items:
                if item.id not in graded:
                    rows.append(_empty(item, learner.person, began))
            _total(items, {row.item.id: row for row in rows}, teacher)
        gone_at = learner.person.deleted_at or learner.left_at
        for row in rows:
            if gone_at:
                row.gone_at = gone_at
                row.note(gone_at, "userdelete", ADMIN, DELETED)
                self.past.append(row)
                if learner.person.deleted_at is None and learner.returned_at:
                    self._keep(_empty(row.item, learner.person, learner.returned_at + HOUR))
            else:
                self._keep(row)

    def _keep(self, row: Grade) -> None:
        self.rows[row.item.id, row.person.id] = row

    def _grade(self, learner: Learner, item: GradeItem, teacher: Person) -> Grade | None:
        """The learner's row for one item that is no total, or None where nothing ever arrived."""
        if item.kind == "category":
            return None
        if item.quiz is not None:
            result = self._results.get((item.quiz.id, learner.person.id))
            # Who is suspended keeps their grades up to date; who left or was deleted has none to keep.
            gone_at = learner.person.deleted_at or learner.left_at or NOW
            pushes = [push for push in (result.pushes if result else ()) if push.moment <= gone_at]
            by, source = learner.person.id, "mod/quiz"
        else:
            pushes = _other_grades(learner, item, self._dice)
            by = learner.person.id if item.activity and item.activity.module != "assign" else teacher.id
            source = f"mod/{item.activity.module}" if item.activity else "gradebook"
            if item.activity and item.activity.module in PACKAGES:
                self.plays += [Play(item.activity, learner.person, push, item.item_number) for push in pushes]
        if not pushes or (item.locked_at and pushes[0].moment >= item.locked_at):
            return None
        row = Grade(item, learner.person, pushes[0].moment, raw_maximum=pushes[0].maximum)
        if item.kind == "manual":
            row.final, row.graded_at, row.by = pushes[0].value, pushes[0].moment, teacher.id
            row.raw_maximum = item.maximum
            row.note(pushes[0].moment, source, by)
            return row
        self._turn += 1
        lock_after = self._turn % 41 == 9 or self._is_to_keep_old_maximum(learner, item, pushes[0])
        for push in pushes:
            row.take(push, source, by)
            if lock_after and row.final is not None and not row.locked and push.moment + HOUR < learner.until:
                row.locked = push.moment + HOUR
                row.note(row.locked, None, teacher.id)
        self._teacher_changes(row, teacher, min(learner.until, NOW))
        return row

    def _is_to_keep_old_maximum(self, learner: Learner, item: GradeItem, first: Push) -> bool:
        """Whether the row is one of the two that are locked before the quiz's maximum is doubled."""
        doubled_at = item.quiz.doubled_at if item.quiz else None
        if not doubled_at or not first.value or first.moment > doubled_at - DAY or learner.until < FOREVER:
            return False
        self._kept_maxima += 1
        return self._kept_maxima <= 2

    def _teacher_changes(self, row: Grade, teacher: Person, end: int) -> None:
        """Overrides, hidden and excluded grades, here and there."""
        when = row.history[-1].moment + 2 * DAY
        if when >= end or row.final is None or row.locked:
            return
        if self._turn % 37 == 4:
            row.final = grade(row.item.maximum * self._dice.choice((Decimal("0.5"), Decimal("0.65"), Decimal("0.925"))))
            row.overridden, row.by = when, teacher.id
            row.note(when, "gradebook", teacher.id)
        elif self._turn % 31 == 2:
            row.hidden = 1
            row.note(when, "gradebook", teacher.id)
        elif self._turn % 47 == 6:
            row.excluded = when
            row.note(when, "gradebook", teacher.id)


def _other_grades(learner: Learner, item: GradeItem, dice: random.Random) -> list[Push]:
    """A grade for an assignment, a package or a manual item, for most learners."""
    begin, end = max(learner.since, item.course.starts) + 10 * DAY, min(learner.until, NOW) - DAY
    if dice.random() > 0.7 or end <= begin or learner.person.absent:
        return []
    moment = dice.randrange(begin, end)
    if item.scale_id:
        return [Push(moment, Decimal(dice.randrange(1, 5)), item.maximum, 0)]
    share = min(max(dice.gauss(0.68 + 0.08 * learner.person.ability, 0.15), 0.0), 1.0)
    value = (item.maximum * Decimal(round(share * 200)) / 200).quantize(Decimal("0.01"))
    return [Push(moment, value, item.maximum, moment - DAY if item.kind == "mod" else 0)]


def _empty(item: GradeItem, person: Person, moment: int) -> Grade:
    """The row without a grade that Moodle adds when it computes totals."""
    row = Grade(item, person, moment, raw_maximum=item.maximum, status="novalue", weight=Decimal(0))
    if item.kind in ("course", "manual"):
        row.status, row.weight = "unknown", None
    row.note(moment, "system", ADMIN)
    return row


def _total(items: list[GradeItem], rows: dict[int, Grade], teacher: Person) -> None:
    """Aggregate the learner's grades into the category and course totals, inner ones first."""
    for item in sorted((item for item in items if item.children), key=lambda item: item.kind != "category"):
        used = []
        for child in item.children:
            row = rows[child.id]
            if row.excluded or not child.counts:
                row.status, row.weight = "excluded", Decimal(0)
            elif row.final is not None:
                used.append(row)
        if not used:
            continue
        total = rows[item.id]
        maxima = [row.raw_maximum if row.item.children else row.item.maximum for row in used]
        whole = sum(maxima, Decimal(0))
        finals = [row.final or Decimal(0) for row in used]
        if item.course.plan.aggregation == NATURAL:
            total.final, total.raw_maximum = grade(sum(finals, Decimal(0))), whole
        else:
            shares = [final / most for final, most in zip(finals, maxima, strict=True)]
            total.final = grade(sum(shares, Decimal(0)) / len(shares) * 100)
        for row, most in zip(used, maxima, strict=True):
            row.status = "used"
            row.weight = grade(most / whole if item.course.plan.aggregation == NATURAL else Decimal(1) / len(used))
        total.graded_at = max(row.history[-1].moment for row in used)
        total.by = teacher.id
        if item.kind == "course" and item.course.plan.short_name == "DEU-B1" and total.person.id % 23 == 0:
            total.final, total.overridden = grade(total.raw_maximum * Decimal("0.75")), total.graded_at
        total.note(total.graded_at, "gradebook" if total.overridden else "aggregation", teacher.id)


def write_gradebook(world: World, book: Gradebook) -> None:
    """grade_grades with ids in order of creation, and the history of every row, those that are gone included."""
    rows = sorted((*book.rows.values(), *book.past), key=lambda row: (row.made_at, row.item.id, row.person.id))
    first = world.db.reserve("grade_grades", len(rows))
    entries = []
    for row_id, row in enumerate(rows, start=first):
        entries += [(entry.moment, row_id, place, entry) for place, entry in enumerate(row.history)]
        if not row.gone_at:
            world.db.add(
                "grade_grades", id=row_id, timecreated=row.submitted_at, timemodified=row.graded_at,
                aggregationstatus=row.status, aggregationweight=row.weight, **row.values(),
            )  # fmt: skip
    for moment, row_id, _, entry in sorted(entries, key=lambda part: part[:3]):
        world.db.add(
            "grade_grades_history", action=entry.action, oldid=row_id, source=entry.source, timemodified=moment,
            loggeduser=entry.by, **entry.values,
        )  # fmt: skip
