"""Grade categories and grade items of each course, their history, scales and letters."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from ingestion.demo.catalogue import NATURAL, PACKAGE_PARTS
from ingestion.demo.courses import Activity, Course
from ingestion.demo.people import ADMIN
from ingestion.demo.quizzes import Quiz
from ingestion.demo.world import World, grade

_HUNDRED = Decimal(100)
_LETTERS = (("93", "A"), ("80", "B"), ("65", "C"), ("50", "D"), ("0", "F"))


@dataclass(slots=True)
class GradeItem:
    """One column of a course's gradebook. `parent` is None for the course total, else the item that it counts into."""

    id: int
    course: Course
    kind: str
    maximum: Decimal
    minimum: Decimal = Decimal(0)
    pass_grade: Decimal = Decimal(0)
    multiplier: Decimal = Decimal(1)
    plus: Decimal = Decimal(0)
    scale_id: int | None = None
    hidden: int = 0
    locked_at: int = 0
    activity: Activity | None = None
    item_number: int = 0
    quiz: Quiz | None = None
    parent: GradeItem | None = None
    children: list[GradeItem] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Whether grades of this item count into totals; Moodle leaves scales out by default."""
        return self.scale_id is None

    def final_of(self, raw: Decimal | None, maximum: Decimal) -> Decimal | None:
        """What the gradebook makes of a raw grade: adjusted, and kept within the bounds that the item then has."""
        if raw is None:
            return None
        return min(max(grade(raw * self.multiplier + self.plus), self.minimum), maximum)


def make_grade_items(world: World, courses: list[Course], quizzes: list[Quiz]) -> dict[int, list[GradeItem]]:
    """The grade items by course id: first the course total, then categories, activities and manual items."""
    scale = world.db.add(
        "scale", courseid=0, name="Actitud", scale="Insuficiente,Suficiente,Notable,Sobresaliente", userid=ADMIN,
        timemodified=courses[0].created,
    )  # fmt: skip
    for boundary, letter in _LETTERS:
        world.db.add("grade_letters", contextid=courses[0].place.id, lowerboundary=Decimal(boundary), letter=letter)
    by_id = {quiz.id: quiz for quiz in quizzes}
    return {course.id: _make_course_items(world, course, by_id, scale) for course in courses}


def _make_course_items(world: World, course: Course, quizzes: dict[int, Quiz], scale: int) -> list[GradeItem]:
    reserved = world.db.next_id("grade_items")
    total = GradeItem(reserved, course, "course", _HUNDRED)
    items = [total]
    sub_total = None
    if course.plan.sub_category:
        sub_total = GradeItem(reserved + 1, course, "category", _HUNDRED, parent=total)
        items.append(sub_total)
    for activity in course.activities:
        if activity.module == "quiz":
            quiz = quizzes[activity.instance]
            if not quiz.plan.grade:
                continue
            parent = sub_total if quiz.plan.in_category and sub_total else total
            item = GradeItem(
                0, course, "mod", Decimal(quiz.plan.grade), pass_grade=Decimal(quiz.plan.pass_grade),
                multiplier=Decimal(quiz.plan.multiplier), plus=Decimal(quiz.plan.plus), activity=activity, quiz=quiz,
                locked_at=quiz.locked_at or 0, parent=parent, hidden=int(quiz.plan.is_hidden),
            )  # fmt: skip
        elif activity.is_by_parts:
            items += [
                GradeItem(0, course, "mod", _HUNDRED, activity=activity, item_number=number, parent=total)
                for number in range(1, len(PACKAGE_PARTS) + 1)
            ]
            continue
        elif activity.module in ("assign", "scorm", "exelearning") and activity.is_graded:
            passing = Decimal(50) if activity.module == "assign" else Decimal(0)
            item = GradeItem(0, course, "mod", _HUNDRED, pass_grade=passing, activity=activity, parent=total)
        else:
            continue
        items.append(item)
    items.append(GradeItem(0, course, "manual", Decimal(10), parent=total))
    if course.plan.short_name == "COM":
        items.append(GradeItem(0, course, "manual", Decimal(4), minimum=Decimal(1), scale_id=scale, parent=total))
    for place, item in enumerate(items):
        item.id = reserved + place
        if item.parent is not None:
            item.parent.children.append(item)
    if course.plan.aggregation == NATURAL:
        for outer in filter(None, (sub_total, total)):
            outer.maximum = sum((child.maximum for child in outer.children if child.counts), Decimal(0))
    _write_items(world, course, items)
    return items


def _write_items(world: World, course: Course, items: list[GradeItem]) -> None:
    total, sub_total = items[0], items[1] if items[1].kind == "category" else None
    categories: dict[int, int] = {}
    path = "/"
    for depth, item in enumerate((total, sub_total), start=1):
        if item is None:
            continue
        number = world.db.next_id("grade_categories")
        path = f"{path}{number}/"
        world.db.add(
            "grade_categories", courseid=course.id, parent=categories[total.id] if depth > 1 else None, depth=depth,
            path=path, fullname=course.plan.sub_category if depth > 1 else "?", aggregation=course.plan.aggregation,
            aggregateonlygraded=1, timecreated=course.created, timemodified=course.created,
        )  # fmt: skip
        categories[item.id] = number
    for order, item in enumerate(items, start=1):
        whole = item.parent.maximum if item.parent else Decimal(0)
        weight = item.maximum / whole if course.plan.aggregation == NATURAL and whole and item.counts else Decimal(0)
        in_category = item.parent is not None and item.kind in ("mod", "manual")
        world.db.add(
            "grade_items", itemname=_name(item),
            categoryid=categories[item.parent.id] if item.parent and in_category else None,
            aggregationcoef=Decimal(0), aggregationcoef2=grade(weight), idnumber="",
            timecreated=course.created, timemodified=max(item.locked_at, _doubled(item), course.created),
            **_row(item, order, categories, item.maximum, item.locked_at),
        )  # fmt: skip


def _doubled(item: GradeItem) -> int:
    return (item.quiz.doubled_at or 0) if item.quiz else 0


def _name(item: GradeItem) -> str | None:
    if item.activity:
        part = f": {PACKAGE_PARTS[item.item_number - 1][1]}" if item.item_number else ""
        return item.activity.name + part
    if item.kind == "manual":
        return "Actitud" if item.scale_id else "Participación"
    return None


def _row(item: GradeItem, order: int, categories: dict[int, int], maximum: Decimal, locked: int) -> dict[str, object]:
    """The columns that grade_items and its history have in common."""
    activity = item.activity
    return {
        "courseid": item.course.id, "itemtype": item.kind, "itemmodule": activity.module if activity else None,
        "iteminstance": activity.instance if activity else categories.get(item.id),
        "itemnumber": item.item_number if activity else None, "gradetype": 2 if item.scale_id else 1,
        "grademax": maximum, "grademin": item.minimum, "scaleid": item.scale_id, "gradepass": item.pass_grade,
        "multfactor": item.multiplier, "plusfactor": item.plus, "sortorder": order, "hidden": item.hidden,
        "locked": locked,
    }  # fmt: skip


def write_item_history(world: World, items: dict[int, list[GradeItem]]) -> None:
    """What happened to the items: made, a maximum doubled, a lock set; in order of time."""
    entries: list[tuple[int, int, GradeItem, Decimal, int]] = []
    for course_items in items.values():
        for item in course_items:
            half = item.maximum / 2 if _doubled(item) else item.maximum
            entries.append((item.course.created, 1, item, half, 0))
            if _doubled(item):
                entries.append((_doubled(item), 2, item, item.maximum, 0))
            if item.locked_at:
                entries.append((item.locked_at, 2, item, item.maximum, item.locked_at))
    for moment, action, item, maximum, locked in sorted(entries, key=lambda entry: (entry[0], entry[2].id)):
        world.db.add(
            "grade_items_history", action=action, oldid=item.id, source="system" if action == 1 else None,
            timemodified=moment, loggeduser=ADMIN, itemname=_name(item), **_row(item, 0, {}, maximum, locked),
        )  # fmt: skip
