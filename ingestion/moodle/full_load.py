"""A full load in parts: where it stands, and in which ranges of keys its tables are read.

Each part is a batch of its own, read at its own snapshot and not complete: the warehouse waits for the last one. How
far the load came stands in the manifest's cursor, so that the next sync goes on there, whatever ended the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from ingestion.contracts import Sync, Table
from ingestion.landing import Manifest
from ingestion.moodle.catalog import Catalog
from ingestion.moodle.databases import Snapshot
from ingestion.moodle.queries import KeyRange, Queries

CURSOR = "full_load"


@dataclass(frozen=True)
class FullLoad:
    """Where a full load stands.

    `since` holds the positions of tables with a time of change before the first part: whatever moved after them is
    read again by the batch that completes the load. `done` are the tables read to the end, `table` is the one under
    way, read up to the key `above`. `is_read`: no table is left, only that last batch is.
    """

    since: Mapping[str, int]
    done: tuple[str, ...] = ()
    table: str | None = None
    above: int | None = None
    is_read: bool = False

    @classmethod
    def of(cls, manifest: Manifest | None) -> Self | None:
        """The load that this newest manifest leaves unfinished, None when it leaves none."""
        if manifest is None or manifest.is_complete:
            return None
        held: dict[str, Any] = dict(manifest.cursor_after[CURSOR])
        return cls(**held | {"done": tuple(held["done"])})

    def to_cursor(self) -> dict[str, Any]:
        return {CURSOR: vars(self) | {"done": list(self.done), "since": dict(self.since)}}

    def set_back(self, seconds: int) -> Self:
        """As it stands after the source's clock was set back."""
        return replace(self, since={table: position - seconds for table, position in self.since.items()})

    def left(self, catalog: Catalog) -> list[Table]:
        return [table for table in catalog.tables if table.name not in self.done]

    def having_read(self, table: Table, keys: KeyRange) -> Self:
        """Where the load stands after this range of a table."""
        if keys.up_to is None:
            return replace(self, done=(*self.done, table.name), table=None, above=None)
        return replace(self, table=table.name, above=keys.up_to)


def positions(snapshot: Snapshot, queries: Queries, catalog: Catalog) -> dict[str, int]:
    """The last time of change in each table that has one, never after the source's clock."""
    found = {}
    clock = int(snapshot.clock.timestamp())
    for table in catalog.tables:
        if table.position_column and table.sync is not Sync.APPEND:
            for frame in snapshot.read(queries.highest(table, table.position_column)):
                highest = frame["highest"].cast(int, strict=False).max()
                if isinstance(highest, int):
                    found[table.name] = min(highest, clock)
    return found


def ranges(
    snapshot: Snapshot, queries: Queries, table: Table, above: int | None, rows: int | None
) -> Iterator[KeyRange]:
    """The keys of a table above one, in ranges of so many rows; without a number, or a key to cut by, all in one.

    The last has no upper end: whatever came meanwhile belongs to it.
    """
    while rows is not None and table.has_integer_key:
        (bound,) = snapshot.read(queries.bound(table, above, rows))
        if int(bound["key_count"][0]) < rows:
            break
        up_to = int(bound["last_key"][0])
        yield KeyRange(above, up_to)
        above = up_to
    yield KeyRange(above)
