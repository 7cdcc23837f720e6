"""The benches' institutions: what they claim to be, on small ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingestion.landing import Landing
from ingestion.moodle import contracts
from ingestion.moodle.source import MoodleSource
from ingestion.moodle.sync import SyncReport, sync_moodle
from tests.bench.institution import MoodleDatabase, PostgreSQLDatabase, World, land
from tests.servers import Server

ATTEMPTS = 2000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World.make(tmp_path / "world.duckdb", ATTEMPTS) as made:
        yield made


def _rows(world: World, schema: str = "site") -> dict[str, list]:
    return {
        name: [row for frame in world.frames(table, schema) for row in frame.rows()]
        for name, table in contracts().tables.items()
    }


def _synced(tmp_path: Path, database: MoodleDatabase | PostgreSQLDatabase) -> SyncReport:
    return sync_moodle(MoodleSource("campus", database.url), Landing(tmp_path / "landing"), tmp_path / "state")


def test_the_same_seed_gives_the_same_rows_and_changes(tmp_path: Path, world: World) -> None:
    with World.make(tmp_path / "again.duckdb", ATTEMPTS) as again, World.make(tmp_path / "other", ATTEMPTS, 8) as other:
        assert _rows(world) == _rows(again)
        assert _rows(world) != _rows(other)
        world.change(100)
        again.change(100)
        assert _rows(world, "made") == _rows(again, "made")


def test_it_has_the_size_that_was_asked_for(world: World) -> None:
    assert world.rows("quiz_attempts") == ATTEMPTS
    assert world.rows("question_attempt_steps") == 10 * ATTEMPTS
    assert 3 * ATTEMPTS <= world.rows("question_attempts") <= 5 * ATTEMPTS
    assert world.rows("company") == 100


def test_what_is_landed_directly_is_what_a_sync_of_the_database_lands(tmp_path: Path, world: World) -> None:
    landing, database = Landing(tmp_path / "landing"), MoodleDatabase(tmp_path / "moodle.sqlite")
    land(world, landing)
    database.write(world)
    before = _synced(tmp_path, database)
    assert (before.mode, before.rows_landed, before.rows_deleted) == ("incremental", 0, 0)
    assert world.as_of == datetime(2025, 6, 30, 12, tzinfo=UTC)

    world.change(200)
    land(world, landing, changes=True)
    database.apply(world)
    after = _synced(tmp_path, database)
    assert (after.mode, after.rows_landed, after.rows_deleted) == ("incremental", 0, 0)
    assert world.as_of == datetime(2025, 6, 30, 13, tzinfo=UTC)


def test_the_same_stands_in_postgresql(tmp_path: Path, world: World, postgresql: Server) -> None:
    postgresql.create("institution")
    landing, database = Landing(tmp_path / "landing"), PostgreSQLDatabase(postgresql.url("institution"))
    land(world, landing)
    database.write(world)
    before = _synced(tmp_path, database)
    world.change(200)
    land(world, landing, changes=True)
    database.apply(world)
    after = _synced(tmp_path, database)
    assert (before.rows_landed, before.rows_deleted, after.rows_landed, after.rows_deleted) == (0, 0, 0, 0)


def test_a_sync_finds_exactly_the_change(tmp_path: Path, world: World) -> None:
    landing, database = Landing(tmp_path / "landing"), MoodleDatabase(tmp_path / "moodle.sqlite")
    land(world, landing)
    database.write(world)
    world.change(200)
    database.apply(world)
    found = _synced(tmp_path, database)
    assert found.manifest is not None
    landed = {name: entry.rows for name, entry in found.manifest.streams.items() if entry.rows}
    assert landed["quiz_attempts"] == 200
    assert landed == {name: rows for name in contracts().tables if (rows := world.rows(name, "made"))}
