"""What a batch notes of the site beside its rows, and what the next one concludes from the comparison with its own.

It stands in the manifest's cursor. Where nothing was noted, nothing is concluded.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from ingestion.contracts import Contracts, Sync
from ingestion.landing import Manifest
from ingestion.moodle.databases import Snapshot
from ingestion.moodle.queries import Queries

CURSOR = "site"


@dataclass(frozen=True)
class Surroundings:
    """`columns` maps tables that are not read whole in every sync to those columns of their contract that were there.

    `source_clock` and `own_clock` are seconds, read at the same moment. `keeps_history` tells whether the gradebook
    kept its history.
    """

    columns: Mapping[str, Collection[str]]
    source_clock: float
    own_clock: float
    keeps_history: bool

    @classmethod
    def of(cls, snapshot: Snapshot, queries: Queries, contracts: Contracts) -> Self:
        present = {
            table.name: sorted(c.name for c in table.columns if c.name in queries.columns[queries.prefix + table.name])
            for table in contracts.tables.values()
            if table.sync is not Sync.WHOLE and queries.has(table.name)
        }
        return cls(present, snapshot.clock.timestamp(), now().timestamp(), _keeps_history(snapshot, queries))

    @classmethod
    def noted(cls, manifest: Manifest | None) -> Self | None:
        held: dict[str, Any] | None = manifest.cursor_after.get(CURSOR) if manifest else None
        return cls(**held) if held else None

    def to_cursor(self, before: Self | None, done: Collection[str] = ()) -> dict[str, Any]:
        """Of a table that is not there, and of those whose rows were `done` before, what was noted then stays."""
        columns: dict[str, Collection[str]] = dict(before.columns) if before else {}
        columns |= {name: names for name, names in self.columns.items() if name not in done or name not in columns}
        return {CURSOR: vars(self) | {"columns": columns}}

    def changed(self, before: Self | None) -> frozenset[str]:
        """The tables that have other columns than were noted: rows that moved no time may hold something new."""
        known = before.columns if before else {}
        return frozenset(n for n, names in self.columns.items() if n in known and list(known[n]) != list(names))

    def stepped_back(self, before: Self | None) -> int:
        """By how many seconds, at least, the source's clock was set back; 0 where it was not.

        It is measured against itself and against this machine's clock. Where that was set forward instead, more is read
        than need be, and nothing else happens.
        """
        if before is None:
            return 0
        passed_there = self.source_clock - before.source_clock
        passed_here = self.own_clock - before.own_clock
        return max(0, math.ceil(-passed_there), math.ceil(passed_here - passed_there))


def now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


def _keeps_history(snapshot: Snapshot, queries: Queries) -> bool:
    if not (queries.has("grade_grades_history") and queries.has("grade_items_history") and queries.has("config")):
        return False
    found = [value for frame in snapshot.read(queries.setting("disablegradehistory")) for value in frame["value"]]
    return found in ([], ["0"], [""], [None])
