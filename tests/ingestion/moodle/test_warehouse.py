from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from ingestion import warehouse

T0 = 1_780_000_000
DAY = 86_400


def test_a_batch_is_applied_once_however_often_it_is_asked_for(site: Any, work: Any) -> None:
    site.attempt(1, user=5, at=T0)
    work.sync(site.url)
    first, before = work.load(), work.content()
    second = work.load()
    assert first.applied == {"campus": [1]}
    assert (second.applied, second.rows, second.needs_build) == ({}, 0, False)
    assert work.content() == before


def test_one_load_of_many_batches_equals_a_load_after_each(site: Any, make_work: Callable[[str], Any]) -> None:
    at_once, each = make_work("at_once"), make_work("each")

    def step(number: int) -> None:
        if number == 1:
            for course in range(1, 6):
                site.insert("course", id=course, shortname="old", visible=1)
        if number == 2:
            site.delete("course", "id in (1, 2)")
            site.update("course", "id = 3", shortname="new")
        if number == 3:
            site.insert("course", id=1, shortname="back", visible=1)
            site.insert("course", id=6, shortname="brief", visible=1)
        if number == 4:
            site.delete("course", "id in (3, 6)")

    for number in range(1, 5):
        step(number)
        for work in (at_once, each):
            work.sync(site.url)
        each.load()
    at_once.load()
    assert at_once.content() == each.content()
    assert at_once.rows("select id, shortname from landing.moodle_course order by id") == [
        (1, "back"),
        (4, "old"),
        (5, "old"),
    ]
    assert at_once.rows("select id, shortname from history.moodle_course order by id") == [
        (2, "old"), (3, "new"), (6, "brief"),
    ]  # fmt: skip


def test_history_tells_when_a_row_was_gone(site: Any, work: Any, noon: datetime) -> None:
    site.insert("course", id=1, shortname="a")
    work.sync(site.url)
    site.delete("course")
    work.sync(site.url, as_of=noon)
    work.load()
    assert work.rows("select _deleted_batch_id, _deleted_at from history.moodle_course") == [(2, noon)]


def test_kept_columns_tell_what_syncs_saw_in_them_whatever_batches_are_loaded_at_once(
    site: Any, make_work: Callable[[str], Any], noon: datetime
) -> None:
    at_once, each = make_work("at_once"), make_work("each")
    row = {"exelearningid": 1, "userid": 5, "attempt": 1, "itemnumber": 0, "maxscore": "100.00000"}
    steps: list[Callable[[], Any]] = [
        lambda: site.insert("exelearning_attempt", id=1, status="incomplete", rawscore="1.00000", **row),
        lambda: site.update("exelearning_attempt", "id = 1", status="passed"),
        lambda: site.update("exelearning_attempt", "id = 1", timemodified=7),
        lambda: site.update("exelearning_attempt", "id = 1", status="incomplete"),
        lambda: site.delete("exelearning_attempt"),
        lambda: site.insert("exelearning_attempt", id=1, status="incomplete", rawscore="1.00000", **row),
    ]
    for step in steps:
        step()
        for work in (at_once, each):
            work.sync(site.url, as_of=noon)
        each.load()
    at_once.load()
    sql = "select _batch_id, id, status, is_gone, seen_at from history.moodle_exelearning_attempt_values order by 1"
    assert at_once.rows(sql) == [
        (1, 1, "incomplete", False, noon), (2, 1, "passed", False, noon), (4, 1, "incomplete", False, noon),
        (5, 1, None, True, noon), (6, 1, "incomplete", False, noon),
    ]  # fmt: skip
    assert each.rows(sql) == at_once.rows(sql)


def test_pseudonyms_are_keyed_hashes_of_source_and_id_for_every_account_named_anywhere(site: Any, work: Any) -> None:
    site.insert("user", id=5, deleted=0)
    for number in (1, 2):
        site.insert("quiz_grades", id=number, quiz=number, userid=77, grade="1.00000", timemodified=T0)
    work.sync(site.url)
    key = b"k" * 100
    work.load(key=key)
    expected = {
        (number, hmac.new(key, f"campus:{number}".encode(), hashlib.sha256).hexdigest()[:32]) for number in (5, 77)
    }
    assert sorted(work.rows("select user_id, user_key from landing.user_keys")) == sorted(expected)


def test_a_row_about_account_zero_keeps_a_key_and_the_system_gets_none(site: Any, work: Any) -> None:
    site.insert("quiz_grades", id=1, quiz=1, userid=0, grade="1.00000", timemodified=T0)
    site.insert("grade_grades", id=1, itemid=1, userid=4, usermodified=-1)
    work.sync(site.url)
    work.load()
    assert work.rows("select user_id from landing.user_keys order by 1") == [(0,), (4,)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("layout", "its layout or the contracts changed"),
        ("key", "its layout or the contracts changed"),
        ("torn", "its file could not be read"),
        ("lost", None),
        ("asked", "requested"),
    ],
)
def test_the_warehouse_is_rebuilt_from_landing_when_it_must_be(
    site: Any, work: Any, monkeypatch: pytest.MonkeyPatch, change: str, reason: str | None
) -> None:
    site.attempt(1, user=5, at=T0)
    work.sync(site.url)
    work.load()
    before = work.content()
    how: dict[str, Any] = {}
    if change == "layout":
        monkeypatch.setattr(warehouse, "LAYOUT", warehouse.LAYOUT + 1)
    elif change == "key":
        how["key"] = b"another key"
    elif change == "torn":
        work.warehouse.write_bytes(b"not a database" * 1000)
    elif change == "lost":
        work.warehouse.unlink()
    else:
        how["rebuild"] = True
    report = work.load(**how)
    assert report.rebuilt == reason
    assert report.needs_build
    assert work.content() == before


def test_a_warehouse_that_ends_too_early_is_rebuilt_wherever_it_ends(site: Any, work: Any) -> None:
    site.attempt(1, user=5, at=T0)
    work.sync(site.url)
    work.load()
    with duckdb.connect(str(work.warehouse)) as con:
        # Marts lie behind the landed tables, which would all be found in what is left.
        con.execute("create table mart as select uuid() as key from range(100_000)")
    before, whole = work.content(), work.warehouse.read_bytes()
    for size in (0, 1, 5000, len(whole) // 2, len(whole) - 262_144, len(whole) - 1):
        work.warehouse.write_bytes(whole[:size])
        assert work.load().rebuilt == "its file could not be read", size
        assert work.content() == before, size


def test_a_warehouse_whose_free_end_was_cut_off_is_sound(site: Any, work: Any) -> None:
    site.attempt(1, user=5, at=T0)
    work.sync(site.url)
    work.load()
    for rows in (400_000, 900_000, 5_000):
        with duckdb.connect(str(work.warehouse)) as con:
            con.execute(f"create or replace table mart as select uuid() as key from range({rows})")
    with duckdb.connect(str(work.warehouse), read_only=True) as con:
        [[counted]] = con.execute("select total_blocks * block_size from pragma_database_size()").fetchall()
    assert work.warehouse.stat().st_size < counted
    assert work.load().rebuilt is None


def test_a_passed_time_boundary_asks_for_a_build_and_nothing_else_does(site: Any, work: Any) -> None:
    site.insert(
        "user_enrolments", id=1, status=0, enrolid=1, userid=5, timestart=0, timeend=T0, timemodified=T0 - 9 * DAY
    )
    # Ends hold at their second, locks only after it: the second itself belongs to the sync before and to the one after.
    for days, passes in ((-2, False), (-1, False), (0, True), (1, True), (2, False), (-1, True)):
        work.sync(site.url, as_of=datetime.fromtimestamp(T0 + days * DAY, UTC))
        report = work.load()
        assert report.boundary_passed is passes, days
    assert work.rows("select as_of from landing.control") == [(datetime.fromtimestamp(T0 - DAY, UTC),)]


def test_sources_do_not_touch_each_others_rows(site: Any, make_site: Callable[..., Any], work: Any) -> None:
    other = make_site("other.sqlite")
    for each, name in ((site, "first"), (other, "second")):
        each.insert("course", id=1, shortname=name)
    work.sync(site.url, source="campus")
    work.sync(other.url, source="school")
    work.load()
    other.delete("course")
    work.sync(other.url, source="school")
    work.load()
    assert work.rows("select _source, shortname from landing.moodle_course") == [("campus", "first")]


def test_the_ledger_of_every_batch_is_kept(site: Any, work: Any) -> None:
    site.insert("course", id=1, shortname="a")
    work.sync(site.url)
    site.delete("course")
    work.sync(site.url)
    work.load()
    sql = "select batch_id, received, accepted, deleted from landing.batches where stream = 'course' order by 1"
    assert work.rows(sql) == [(1, 1, 1, 0), (2, 0, 0, 1)]
    unbalanced = "received <> accepted + duplicate + ignored + quarantined"
    assert work.rows(f"select count(*) from landing.batches where {unbalanced}") == [(0,)]
