"""What happens to grades: stored by a quiz, sent to the gradebook, set by hand, and what their items become."""

from __future__ import annotations

from tests.property.institution import COURSES, DAY, QUIZZES, USERS, Institution


def store_grade(site: Institution, a: int, b: int, c: int) -> None:
    """A quiz stores a grade and sends it to the gradebook, whose history notes it."""
    quiz, user = site.pick("quiz", a), USERS[b % len(USERS)]
    if quiz is None:
        return
    grade = f"{c % 21 - 2}.00000"
    found = site.pick("quiz_grades", 0, f"quiz = {quiz} and userid = {user}")
    if found is None or c % 13 == 0:
        site.insert("quiz_grades", id=site.new_id(), quiz=quiz, userid=user, grade=grade, timemodified=site.clock)
    else:
        site.update("quiz_grades", f"id = {found}", grade=grade, timemodified=site.clock)
    item = site.pick("grade_items", 0, f"itemmodule = 'quiz' and iteminstance = {quiz}")
    if item is not None and c % 7:
        book(site, item, user, grade)


def book(site: Institution, item: int, user: int, grade: str | None) -> None:
    found = site.pick("grade_grades", 0, f"itemid = {item} and userid = {user}")
    values = {"rawgrade": grade, "finalgrade": grade, "timemodified": site.clock}
    if found is None:
        found = site.new_id()
        site.insert(
            "grade_grades", id=found, itemid=item, userid=user, rawgrademax="10.00000", rawgrademin="0.00000", hidden=0,
            locked=0, locktime=0, overridden=0, excluded=0, timecreated=site.clock, **values,
        )  # fmt: skip
    else:
        site.update("grade_grades", f"id = {found}", **values)
    site.insert(
        "grade_grades_history", id=site.new_id(), action=2, oldid=found, source="mod/quiz", timemodified=site.clock,
        itemid=item, userid=user, rawgrade=grade, finalgrade=grade,
    )  # fmt: skip


def drop_grade(site: Institution, a: int, b: int, c: int) -> None:
    for table in ("quiz_grades", "grade_grades")[c % 2 :]:
        found = site.pick(table, a)
        if found is not None:
            site.delete(table, f"id = {found}")


def grade_by_hand(site: Institution, a: int, b: int, c: int) -> None:
    """A total or an override; flags, and times at which a row begins to show or to be locked. No time moves."""
    item, user = site.pick("grade_items", a), USERS[b % len(USERS)]
    if item is None:
        return
    book(site, item, user, None if c % 9 == 0 else f"{c % 15}.00000")
    row = f"itemid = {item} and userid = {user}"
    later = site.clock + (c % 5 - 1) * DAY
    changes: tuple[dict[str, object], ...] = (
        {"overridden": site.clock}, {"excluded": site.clock}, {"hidden": 1}, {"hidden": later}, {"locktime": later},
        {"locked": site.clock}, {"aggregationweight": "0.50000"}, {"hidden": 0, "locked": 0, "locktime": 0},
    )  # fmt: skip
    site.update("grade_grades", row, **changes[b % len(changes)])


def edit_item(site: Institution, a: int, b: int, c: int) -> None:
    item = site.pick("grade_items", a)
    if item is None:
        return
    later = site.clock + (c % 5 - 1) * DAY
    changes: tuple[dict[str, object], ...] = (
        {"multfactor": f"{1 + c % 3}.00000"}, {"plusfactor": f"{c % 3}.00000"}, {"gradepass": f"{c % 8}.00000"},
        {"grademax": f"{5 + c % 10}.00000"}, {"grademin": f"-{c % 3}.00000"}, {"hidden": later}, {"hidden": c % 2},
        {"locktime": later}, {"locked": site.clock}, {"needsupdate": c % 2}, {"gradetype": c % 4},
        {"itemname": f"New {c}"},
        {"courseid": COURSES[c % 2]}, {"iteminstance": 1 + c % 3}, {"itemtype": ("mod", "manual")[c % 2]},
    )  # fmt: skip
    site.update("grade_items", f"id = {item}", timemodified=site.clock, **changes[b % len(changes)])


def replace_item(site: Institution, a: int, b: int, c: int) -> None:
    """A gradebook item goes, with or without its rows, or one more comes for a quiz."""
    item = site.pick("grade_items", a)
    if item is None or c % 3 == 0:
        site.add_item(site.new_id(), COURSES[a % 2], "mod", QUIZZES[b % 3], "quiz", 10)
        return
    site.delete("grade_items", f"id = {item}")
    if c % 3 == 1:
        site.delete("grade_grades", f"itemid = {item}")
