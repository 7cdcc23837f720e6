"""The rows of an institution in the landing: committed batches like those of a sync, without a database between."""

from __future__ import annotations

from datetime import UTC, datetime

from ingestion.contracts import Sync, Table
from ingestion.frames import QUARANTINE, cast_by_contract, landed_schema, project
from ingestion.landing import Batch, Landing, Manifest
from ingestion.moodle import KIND, contracts
from tests.bench.institution.world import World

SOURCE = "campus"


def land(world: World, landing: Landing, *, changes: bool = False, source: str = SOURCE) -> Manifest:
    """One batch: the whole institution as a full load, or with `changes` what the last change made.

    Cursor, ledger, contract version and schemas are those of a sync that read the same rows.
    """
    rules, newest = contracts(), landing.newest(source)
    mode, reason = ("incremental", "normal") if changes else ("full", "first_sync")
    cursor = dict(newest.cursor_after) if newest else {}
    with landing.begin(source, KIND, mode, reason, cursor, datetime.now(UTC)) as batch:
        for table in rules.tables.values():
            _land_table(world, table, batch, "made" if changes else "site")
        batch.open_stream(QUARANTINE.name, landed_schema(QUARANTINE))
        after = cursor | {
            table.name: position for table in rules.tables.values() if (position := _cursor(world, table))
        }
        return batch.commit(world.as_of, after, contract_version=rules.version)


def _land_table(world: World, table: Table, batch: Batch, schema: str) -> None:
    schemas = {stream: landed_schema(stream) for stream in table.streams}
    for stream, columns in schemas.items():
        batch.open_stream(stream.name, columns)
    for frame in world.frames(table, schema):
        cast = cast_by_contract(table, frame)
        if len(cast.quarantined):
            raise AssertionError(f"{table.name} made rows that its contract cannot hold: {cast.quarantined.head(3)}")
        for stream in schemas:
            batch.append(stream.name, project(stream, cast.rows))
            batch.count(stream.name, received=len(frame), accepted=len(frame))


def _cursor(world: World, table: Table) -> int | None:
    """Where a sync that read everything would stand; None for a table without a position."""
    if table.sync is Sync.APPEND:
        column = table.primary_key[0]
    elif table.name == "question_attempts":
        column = "timemodified"
    elif table.watermark is not None:
        column = table.watermark
    else:
        return None
    return world.greatest(table.name, column) or None
