"""A large gradebook is read by its history: as exact as read whole for all that Moodle writes, from fewer rows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ingestion.moodle.conftest import Work
from tests.ingestion.moodle.site import Site

T0 = 1_780_000_000
LARGE = {"whole_read_max_rows": 10, "append_overlap_rows": 0}
COURSES = (1, 2, 3)


@pytest.fixture
def gradebook(site: Site) -> Site:
    """Three courses with two items and ten grades each."""
    for course in COURSES:
        site.insert("grade_categories", id=course, courseid=course, depth=1, fullname="?", aggregation=13)
        for number in (1, 2):
            item = course * 10 + number
            site.insert("grade_items", id=item, courseid=course, itemtype="manual", grademax="10.00000")
            site.insert("grade_items_history", id=item, action=1, oldid=item, courseid=course)
            for user in range(1, 6):
                grade = item * 10 + user
                site.insert("grade_grades", id=grade, itemid=item, userid=user, aggregationweight="0.50000")
                site.insert("grade_grades_history", id=grade, action=1, oldid=grade, itemid=item, userid=user)
    return site


def received(report: Any) -> int:
    return report.manifest.streams["grade_grades"].ledger.received


def landed(work: Work) -> dict[int, tuple[Any, ...]]:
    work.load()
    rows = work.rows("select id, finalgrade::varchar, aggregationweight::varchar from landing.moodle_grade_grades")
    return {row[0]: row[1:] for row in rows}


def test_only_courses_with_news_are_read(gradebook: Site, work: Work) -> None:
    work.sync(gradebook.url)
    assert received(work.sync(gradebook.url, options=LARGE)) == 0
    gradebook.update("grade_grades", "id = 213", finalgrade="7.00000")
    gradebook.insert("grade_grades_history", id=1000, action=2, oldid=213, itemid=21, userid=3, finalgrade="7.00000")
    # The new weights of the course's other grades are in no history.
    gradebook.update("grade_grades", "itemid = 22", aggregationweight="0.40000")
    report = work.sync(gradebook.url, options=LARGE)
    assert (received(report), report.rows_landed) == (10, 1 + 5 + 1)
    assert landed(work)[213] == ("7.00000", "0.50000")
    assert landed(work)[221] == (None, "0.40000")


@pytest.mark.parametrize("sign", ["item history", "item", "category"])
def test_a_regrading_that_moves_no_grade_is_noticed_by_what_caused_it(gradebook: Site, work: Work, sign: str) -> None:
    work.sync(gradebook.url)
    gradebook.update("grade_grades", "itemid = 32", aggregationweight="0.40000")
    if sign == "item history":
        gradebook.insert("grade_items_history", id=1000, action=2, oldid=31, courseid=3)
    elif sign == "item":
        gradebook.update("grade_items", "id = 31", aggregationcoef2="0.10000")
    else:
        gradebook.update("grade_categories", "id = 3", aggregation=11)
    assert received(work.sync(gradebook.url, options=LARGE)) == 10
    assert landed(work)[321] == (None, "0.40000")


def test_rows_that_went_or_came_without_history_are_found(gradebook: Site, work: Work) -> None:
    work.sync(gradebook.url)
    gradebook.delete("grade_grades", "id = 111")
    gradebook.insert("grade_grades", id=999, itemid=11, userid=9, finalgrade="1.00000")
    report = work.sync(gradebook.url, options=LARGE | {"delete_check_max_rows": 0})
    assert (received(report), report.rows_landed, report.rows_deleted) == (1, 1, 1)
    assert (111 in landed(work), landed(work)[999][0]) == (False, "1.00000")


def switch(site: Site, value: str) -> None:
    site.delete("config")
    site.insert("config", id=1, name="disablegradehistory", value=value)


@pytest.mark.parametrize(
    ("history", "options", "how", "is_found"),
    [
        ("on", LARGE, {}, False),
        ("on", LARGE, {"reconcile": True}, True),
        ("on", LARGE, {"mode": "full"}, True),
        ("on", LARGE | {"whole_read_max_rows": 30}, {}, True),
        ("off", LARGE, {}, True),
        ("just on again", LARGE, {}, True),
        ("table gone", LARGE, {}, True),
    ],
)
def test_an_edit_past_moodle_is_found_wherever_the_gradebook_is_read_whole(
    gradebook: Site, work: Work, history: str, options: dict[str, int], how: dict[str, Any], is_found: bool
) -> None:
    switch(gradebook, "1" if history == "just on again" else "0")
    work.sync(gradebook.url)
    switch(gradebook, "1" if history == "off" else "0")
    if history == "table gone":
        gradebook.connection.execute("drop table mdl_grade_items_history")
    gradebook.update("grade_grades", "id = 115", finalgrade="3.00000")
    report = work.sync(gradebook.url, options=options, **how)
    assert received(report) == (30 if is_found else 0)
    assert landed(work)[115][0] == ("3.00000" if is_found else None)
