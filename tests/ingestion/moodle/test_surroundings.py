"""Clocks that step, columns and tables that come and go: nothing is lost by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion.moodle import surroundings
from ingestion.moodle.databases import sqlite
from tests.ingestion.moodle.conftest import Work
from tests.ingestion.moodle.site import Site

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
HOUR = 3_600


class Clocks:
    """The source's clock and this machine's, set apart from each other at will."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.source = self.own = NOON
        clocks = self

        class Source(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return clocks.source

        monkeypatch.setattr(sqlite, "datetime", Source)
        monkeypatch.setattr(surroundings, "now", lambda: clocks.own)

    def pass_by(self, seconds: int, *, source_steps: int = 0, own_steps: int = 0) -> None:
        self.source += timedelta(seconds=seconds + source_steps)
        self.own += timedelta(seconds=seconds + own_steps)

    @property
    def stamp(self) -> int:
        return int(self.source.timestamp())


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def enrol(site: Site, number: int, stamp: int) -> None:
    site.insert("user_enrolments", id=number, enrolid=1, userid=number, status=0, timemodified=stamp)


def statuses(work: Work) -> dict[int, int]:
    work.load()
    return dict(work.rows("select id, status from landing.moodle_user_enrolments"))


@pytest.mark.parametrize("pause", [60, HOUR, 2 * HOUR])
def test_a_source_clock_that_steps_back_an_hour_loses_nothing(
    site: Site, work: Work, clocks: Clocks, pause: int
) -> None:
    for number in range(1, 4):
        enrol(site, number, clocks.stamp)
    site.attempt(1, user=1, at=clocks.stamp)
    work.sync(site.url)
    clocks.pass_by(10, source_steps=-HOUR)
    site.update("user_enrolments", "id = 1", status=1, timemodified=clocks.stamp)
    site.update("question_attempt_steps", "id = 110", state="gradedwrong")
    site.update("question_attempts", "id = 11", timemodified=clocks.stamp)
    clocks.pass_by(pause)
    assert work.sync(site.url, mode="incremental").rows_landed == 3
    # The next sync, too, goes by the clock that was set back.
    clocks.pass_by(30)
    site.update("user_enrolments", "id = 2", status=1, timemodified=clocks.stamp)
    clocks.pass_by(HOUR)
    assert work.sync(site.url, mode="incremental").rows_landed == 1
    assert statuses(work) == {1: 1, 2: 1, 3: 0}
    assert work.rows("select state from landing.moodle_question_attempt_steps where id = 110") == [("gradedwrong",)]


def test_both_clocks_that_step_back_together_lose_nothing(site: Site, work: Work, clocks: Clocks) -> None:
    enrol(site, 1, clocks.stamp)
    work.sync(site.url)
    clocks.pass_by(10, source_steps=-HOUR, own_steps=-HOUR)
    site.update("user_enrolments", "id = 1", status=1, timemodified=clocks.stamp)
    clocks.pass_by(600)
    assert work.sync(site.url).rows_landed == 1


def test_this_machine_clock_that_steps_makes_no_difference(site: Site, work: Work, clocks: Clocks) -> None:
    for step in (-HOUR, 2 * HOUR):
        enrol(site, 10 + abs(step), clocks.stamp)
        work.sync(site.url)
        clocks.pass_by(60, own_steps=step)
        site.update("user_enrolments", f"id = {10 + abs(step)}", status=1, timemodified=clocks.stamp)
    work.sync(site.url)
    assert set(statuses(work).values()) == {1}


@pytest.mark.parametrize("stamped", [HOUR, 400 * 86_400])
def test_rows_stamped_in_the_future_hide_nothing_and_are_followed(
    site: Site, work: Work, clocks: Clocks, stamped: int
) -> None:
    enrol(site, 1, clocks.stamp + stamped)
    enrol(site, 2, clocks.stamp)
    work.sync(site.url)
    clocks.pass_by(60)
    site.update("user_enrolments", "id = 1", status=1)
    site.update("user_enrolments", "id = 2", status=1, timemodified=clocks.stamp)
    assert work.sync(site.url).rows_landed == 2
    assert statuses(work) == {1: 1, 2: 1}


def test_a_clock_that_steps_back_between_the_parts_of_a_load_loses_nothing(
    site: Site, work: Work, clocks: Clocks
) -> None:
    for number in range(1, 9):
        enrol(site, number, clocks.stamp)
    one_range = {"time_budget_seconds": 0, "range_rows": 3}
    moved = False
    while not work.sync(site.url, options=one_range).is_complete:
        done = work.landing.newest("campus").cursor_after["full_load"]["done"]
        if "user_enrolments" in done and not moved:
            moved = True
            clocks.pass_by(10, source_steps=-HOUR)
            site.update("user_enrolments", "id = 1", status=1, timemodified=clocks.stamp)
        clocks.pass_by(60)
    assert moved
    assert statuses(work)[1] == 1


def test_a_column_that_vanishes_and_returns_is_read_again_of_every_row(site: Site, work: Work, clocks: Clocks) -> None:
    for number in range(1, 4):
        site.attempt(number, user=5, at=clocks.stamp - 90 * 86_400)
    site.attempt(4, user=5, at=clocks.stamp)
    site.update("quiz_attempts", "1 = 1", gradednotificationsenttime=7)

    def sent() -> set[Any]:
        work.load()
        return {row[0] for row in work.rows("select gradednotificationsenttime from landing.moodle_quiz_attempts")}

    work.sync(site.url)
    site.connection.execute("alter table mdl_quiz_attempts drop column gradednotificationsenttime")
    clocks.pass_by(HOUR)
    gone = work.sync(site.url)
    assert (gone.mode, gone.rows_landed, sent()) == ("incremental", 4, {None})
    assert "column quiz_attempts.gradednotificationsenttime is absent (Moodle 4.2 brought it)" in gone.notes
    site.connection.execute("alter table mdl_quiz_attempts add column gradednotificationsenttime integer default 8")
    clocks.pass_by(HOUR)
    back = work.sync(site.url)
    assert (back.rows_landed, sent()) == (4, {8})
    clocks.pass_by(HOUR)
    assert work.sync(site.url).manifest.streams["quiz_attempts"].ledger.received == 1


def test_a_column_that_comes_in_the_middle_of_a_full_load_is_read_of_every_row(
    site: Site, work: Work, clocks: Clocks
) -> None:
    site.connection.execute("alter table mdl_quiz_attempts drop column gradednotificationsenttime")
    for number in range(1, 8):
        site.attempt(number, user=5, at=clocks.stamp - 90 * 86_400)
    one_range = {"time_budget_seconds": 0, "range_rows": 3}
    added = False
    while not work.sync(site.url, options=one_range).is_complete:
        if work.landing.newest("campus").cursor_after["full_load"]["table"] == "quiz_attempts" and not added:
            added = True
            site.connection.execute(
                "alter table mdl_quiz_attempts add column gradednotificationsenttime integer default 8"
            )
    work.load()
    assert added
    assert work.rows("select distinct gradednotificationsenttime from landing.moodle_quiz_attempts") == [(8,)]


@pytest.mark.parametrize("table", ["quiz_overrides", "course_modules_viewed", "company"])
def test_a_table_that_vanishes_and_returns_keeps_what_had_landed_and_goes_on(
    site: Site, work: Work, clocks: Clocks, table: str
) -> None:
    for number in (1, 2):
        site.insert(table, id=number)
    work.sync(site.url)
    site.connection.execute(f"alter table mdl_{table} rename to hidden")
    clocks.pass_by(HOUR)
    without = work.sync(site.url)
    assert (without.rows_deleted, without.rows_landed) == (0, 0)
    assert any(note.startswith(f"table {table} is absent") for note in without.notes)
    work.load()
    assert work.rows(f"select count(*) from landing.moodle_{table}") == [(2,)]
    site.connection.execute(f"alter table hidden rename to mdl_{table}")
    site.insert(table, id=3)
    site.delete(table, "id = 1")
    clocks.pass_by(HOUR)
    back = work.sync(site.url)
    is_log = table == "course_modules_viewed"
    assert (back.mode, back.rows_landed, back.rows_deleted) == ("incremental", 1, 0 if is_log else 1)
    work.load()
    expected = [(1,), (2,), (3,)] if is_log else [(2,), (3,)]
    assert work.rows(f"select id from landing.moodle_{table} order by id") == expected
