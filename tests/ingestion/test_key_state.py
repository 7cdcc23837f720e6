"""The side file against the batches it stands for, and the exact comparison of keys against the naive one."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingestion import key_state
from ingestion.errors import SourceError
from ingestion.key_state import KeyStates, StreamState
from ingestion.landing import Landing
from ingestion.moodle import contracts
from ingestion.moodle.databases.sqlite import SQLite
from ingestion.moodle.keys import compare_keys
from ingestion.moodle.queries import BUCKET, Queries
from ingestion.moodle.source import MoodleSource
from ingestion.moodle.sync import sync_moodle
from tests.ingestion.moodle.changes import T0, change, changes
from tests.ingestion.moodle.site import Site

TABLE = contracts().tables["user_enrolments"]


def content(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What the side file of the source `campus` holds, stream by stream."""
    with duckdb.connect(str(folder / "campus" / "keys.duckdb"), read_only=True) as con:
        names = [row[0] for row in con.execute("select table_name from duckdb_tables()").fetchall()]
        return {name: con.execute(f'select * from "{name}" order by all').fetchall() for name in names}


def rebuilt(folder: Path, landing: Landing) -> dict[str, list[tuple[Any, ...]]]:
    with KeyStates(folder, landing, "campus", contracts()):
        pass
    return content(folder)


@settings(max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(changes, min_size=1, max_size=4), st.booleans())
def test_the_kept_state_equals_the_one_made_anew_from_the_batches(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[str, int]]], reconcile: bool
) -> None:
    folder = tmp_path_factory.mktemp("work")
    site, landing = Site(folder / "moodle.sqlite"), Landing(folder / "landing")
    for number, made in enumerate(rounds):
        for what, key in made:
            change(site, what, key, T0 + number * 5_000)
        sync_moodle(MoodleSource("campus", site.url), landing, folder / "kept", reconcile=reconcile)
    kept = content(folder / "kept")
    for name, columns in (("quiz_grades", "id"), ("question_attempts", "id, questionusageid"), ("user", "id")):
        there = site.connection.execute(f"select {columns} from mdl_{name} order by id").fetchall()
        turned_away = {row[0] for row in site.connection.execute("select id from mdl_quiz_grades where grade = 'NaN'")}
        if name == "quiz_grades":
            assert {row[0] for row in kept[name]} >= {row[0] for row in there} - turned_away
            assert {row[0] for row in kept[name]} <= {row[0] for row in there}
        else:
            assert [row[:-1] for row in kept[name]] == there
    anew = rebuilt(folder / "anew", landing)
    # Of the log only what the next sync can meet again is kept.
    assert set(kept.pop("logstore_standard_log")) <= set(anew.pop("logstore_standard_log"))
    assert kept == anew


def test_a_sync_that_fails_leaves_the_state_as_it_was(tmp_path: Path) -> None:
    site, landing = Site(tmp_path / "moodle.sqlite"), Landing(tmp_path / "landing")
    source = MoodleSource("campus", site.url)
    sync_moodle(source, landing, tmp_path / "state")
    before = content(tmp_path / "state")
    site.attempt(1, user=1, at=T0)

    def stop(table: str, rows: int) -> None:
        if table == "quiz_attempts":
            raise SourceError("the line went dead")

    with pytest.raises(SourceError):
        sync_moodle(source, landing, tmp_path / "state", progress=stop)
    assert content(tmp_path / "state") == before


@pytest.mark.parametrize("rows", [1, 3, 10])
def test_a_large_sync_that_fails_costs_the_state_and_no_row(tmp_path: Path, monkeypatch: Any, rows: int) -> None:
    site, landing = Site(tmp_path / "moodle.sqlite"), Landing(tmp_path / "landing")
    source = MoodleSource("campus", site.url)
    monkeypatch.setattr(key_state, "_TRANSACTION_ROWS", rows)
    site.attempt(1, user=1, at=T0)
    sync_moodle(source, landing, tmp_path / "state")
    site.attempt(2, user=2, at=T0 + 1)
    site.attempt(3, user=2, at=T0 + 1)

    def stop(table: str, rows: int) -> None:
        if table == "quiz_attempts":
            raise SourceError("the line went dead")

    with pytest.raises(SourceError):
        sync_moodle(source, landing, tmp_path / "state", progress=stop)
    report = sync_moodle(source, landing, tmp_path / "state")
    assert (report.rows_landed, report.rows_deleted) == (2 * (1 + 1 + 2 + 4), 0)
    assert content(tmp_path / "state") == rebuilt(tmp_path / "anew", landing)


def test_a_state_that_could_not_be_saved_costs_nothing_but_time(tmp_path: Path, monkeypatch: Any) -> None:
    site, landing = Site(tmp_path / "moodle.sqlite"), Landing(tmp_path / "landing")
    source = MoodleSource("campus", site.url)
    site.attempt(1, user=1, at=T0)
    with monkeypatch.context() as patched:
        # The process dies between the commit of the batch and that of the state.
        patched.setattr(KeyStates, "save", lambda states, batch_id: None)
        assert sync_moodle(source, landing, tmp_path / "state").rows_landed > 0
    report = sync_moodle(source, landing, tmp_path / "state", mode="full")
    assert (report.rows_landed, report.rows_deleted) == (0, 0)
    assert content(tmp_path / "state") == rebuilt(tmp_path / "anew", landing)


# Few enough for whole buckets to be emptied and filled, on both sides of the borders between them.
ids = st.sets(
    st.one_of(
        st.integers(0, 12),
        st.integers(BUCKET - 3, BUCKET + 3),
        st.integers(5 * BUCKET - 2, 5 * BUCKET + 2),
        st.integers(10**12, 10**12 + 5),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(ids, ids)
def test_the_comparison_by_sums_finds_what_the_naive_one_finds(known: set[int], living: set[int]) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("create table mdl_user_enrolments (id integer primary key)")
    connection.executemany("insert into mdl_user_enrolments values (?)", [(number,) for number in living])

    class Snapshot:
        dialect = "sqlite"

        def read(self, sql: str) -> Any:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description]
            yield pl.DataFrame(cursor.fetchall(), schema=dict.fromkeys(names, pl.String), orient="row")

    with duckdb.connect() as con:
        state = StreamState(con, TABLE.streams[0])
        state.create()
        state.put(
            pl.DataFrame({"id": sorted(known), "_hash": [1] * len(known)}, schema={"id": pl.Int64, "_hash": pl.UInt64})
        )
        queries = Queries("sqlite", "mdl_", {"mdl_user_enrolments": ["id"]})
        found = compare_keys(Snapshot(), queries, TABLE, state)  # type: ignore[arg-type]
    assert found.gone.to_list() == sorted(known - living)
    assert found.missing.to_list() == sorted(living - known)


def test_only_keys_of_buckets_that_differ_are_read(tmp_path: Path) -> None:
    site = Site(tmp_path / "moodle.sqlite")
    for number in (1, 2, BUCKET, BUCKET + 1, 7 * BUCKET):
        site.insert("user_enrolments", id=number)
    read: list[str] = []
    with SQLite(MoodleSource("campus", site.url)).snapshot() as snapshot, duckdb.connect() as con:
        ask = snapshot.read
        snapshot.read = lambda sql, **how: read.append(sql) or ask(sql, **how)  # type: ignore[method-assign]
        queries = Queries("sqlite", "mdl_", snapshot.columns())
        state = StreamState(con, TABLE.streams[0])
        state.create()
        state.put(
            pl.DataFrame({"id": [1, 2, BUCKET, BUCKET + 2, 7 * BUCKET], "_hash": [0] * 5}).cast({"_hash": pl.UInt64})
        )
        found = compare_keys(snapshot, queries, TABLE, state)
    assert (found.gone.to_list(), found.missing.to_list()) == ([BUCKET + 2], [BUCKET + 1])
    assert len(read) == 2
    assert f">= {BUCKET} and" in read[1]
    assert f"< {2 * BUCKET})" in read[1]
    assert " or " not in read[1]
