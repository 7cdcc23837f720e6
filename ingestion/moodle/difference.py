"""The difference of one table: rows that are new or changed land as upserts, keys that vanished as deletes.

How a table is read follows from its contract (`Sync`) and the sync's mode:

- whole, or any table but an append-only one in a full load: every row; what is not there is gone;
- watermark: rows at or after the cursor less an overlap, then the keys alone, to find deletes; to reconcile, every row,
  so that an edit that moved no time is found as well;
- append: rows above the cursor less an overlap; nothing is ever deleted;
- touched: the rows of usages that moved; what a re-read usage lost is gone, and so are usages whose id is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from ingestion.contracts import Stream, Sync, Table
from ingestion.frames import (
    HASH,
    QUARANTINE,
    cast_by_contract,
    key_text,
    keys_of,
    landed_schema,
    project,
    with_hash,
)
from ingestion.key_state import KeyStates, within_overlap
from ingestion.landing import Batch
from ingestion.moodle.databases import Snapshot
from ingestion.moodle.queries import Queries, Touched
from ingestion.moodle.source import MoodleSource


@dataclass(frozen=True)
class TableRead:
    """What the tables of one batch share. `cursor` maps a table to the position where the last batch ended."""

    source: MoodleSource
    snapshot: Snapshot
    queries: Queries
    states: KeyStates
    batch: Batch
    cursor: Mapping[str, int]
    is_full: bool
    reconciles: bool

    @cached_property
    def quarantine(self) -> StreamDifference:
        """Where the rows of all tables go that their contracts cannot hold."""
        return StreamDifference(self, QUARANTINE)

    @cached_property
    def touched(self) -> Touched:
        overlap = self.source.watermark_overlap_seconds
        return Touched(self.cursor.get("quiz_attempts", 0) - overlap, self.cursor.get("question_attempts", 0) - overlap)

    @cached_property
    def touched_usages(self) -> pl.DataFrame:
        """The touched usages' ids, read once a batch."""
        frames = list(self.frames(self.queries.usage_ids(self.touched)))
        return pl.concat(frames).cast(pl.Int64) if frames else pl.DataFrame(schema={"usage_id": pl.Int64})

    @cached_property
    def living_usages(self) -> pl.DataFrame:
        """The ids of all usages that there are, read once a batch."""
        return self._ids("question_usages").rename({"id": "usage_id"})

    def _ids(self, name: str) -> pl.DataFrame:
        table = f"select id from {self.queries.table(name)}"
        frames = list(self.frames(table))
        return pl.concat(frames).cast(pl.Int64) if frames else pl.DataFrame(schema={"id": pl.Int64})

    def frames(self, sql: str) -> Iterator[pl.DataFrame]:
        return self.snapshot.read(sql, bulk=self.is_full)

    def keep(self, table: Table) -> dict[str, int]:
        """A table that is not there: what had landed of it stays as it is, and so does its cursor."""
        return {table.name: self.cursor[table.name]} if table.name in self.cursor else {}


@dataclass
class TableSync:
    """Brings one table's difference into the batch."""

    read: TableRead
    table: Table
    notes: list[str] = field(default_factory=list)

    def run(self, progress: Callable[[int], None]) -> int | None:
        """Land the difference; returns the table's new position, None for a table that has none."""
        position_column = self._position_column()
        position = self.read.cursor.get(self.table.name)
        streams = [StreamDifference(self.read, stream) for stream in self.table.streams]
        rows_read = 0
        for frame in self.read.frames(self._query()):
            cast = cast_by_contract(self.table, frame)
            if len(cast.quarantined):
                self.read.quarantine.take(cast.quarantined)
            for difference in streams:
                difference.take(cast.rows, quarantined=cast.quarantined["key"])
            rows_read += len(frame)
            progress(rows_read)
            if position_column and len(cast.rows):
                position = _further(position, cast.rows[position_column])
        for difference in streams:
            self._finish(difference, position)
        if position is not None and self.table.sync is not Sync.APPEND:
            # A row stamped in the future must not hide what is stamped now.
            position = min(position, int(self.read.snapshot.clock.timestamp()))
        return position

    def _position_column(self) -> str | None:
        if self.table.sync is Sync.APPEND:
            return self.table.primary_key[0]
        if self.table.name == "question_attempts":
            return "timemodified"
        return self.table.watermark

    @property
    def _is_whole(self) -> bool:
        if self.table.sync is Sync.WATERMARK and self.read.reconciles:
            return True
        return self.table.sync is Sync.WHOLE or (self.read.is_full and self.table.sync is not Sync.APPEND)

    def _query(self) -> str:
        if self._is_whole:
            return self.read.queries.read(self.table)
        if self.table.sync is Sync.APPEND:
            return self.read.queries.read(self.table, f"t.{self.table.primary_key[0]} > {self._append_floor()}")
        if self.table.sync is Sync.TOUCHED:
            return self.read.queries.read(self.table, touched=self.read.touched)
        since = self.read.cursor.get(self.table.name, 0) - self.read.source.watermark_overlap_seconds
        return self.read.queries.since(self.table, since)

    def _append_floor(self, position: int | None = None) -> int:
        base = self.read.cursor.get(self.table.name, 0) if position is None else position
        return max(base - self.read.source.append_overlap_rows, 0)

    def _finish(self, difference: StreamDifference, position: int | None) -> None:
        if self._is_whole:
            difference.finish_whole()
        elif self.table.sync is Sync.APPEND:
            difference.finish_append(self._append_floor(position))
        elif self.table.sync is Sync.TOUCHED:
            difference.finish_touched()
        elif len(difference.old) > self.read.source.delete_check_max_rows:
            self.notes.append(f"keys of {self.table.name} not compared: more than delete_check_max_rows")
            difference.finish_merged()
        else:
            difference.finish_with_keys(self.read.frames(self.read.queries.keys(self.table)))


class StreamDifference:
    """Rows of one stream against its last state, frame by frame; only keys and hashes are held."""

    def __init__(self, read: TableRead, stream: Stream) -> None:
        self._read = read
        self._stream = stream
        self._keys = list(stream.primary_key)
        self._seen: list[pl.DataFrame] = []
        self._schema = landed_schema(stream)
        self.old = read.states.of(stream)
        read.batch.open_stream(stream.name, self._schema)

    def take(self, rows: pl.DataFrame, *, quarantined: pl.Series | None = None) -> None:
        """Land those rows of a frame that are new or other than the last state has them.

        `quarantined` names further rows by their key as text: they count, and their last good version stays.
        """
        hashed = with_hash(project(self._stream, rows))
        known = self.old.select(*self._keys, pl.col(HASH).alias("_known"))
        compared = hashed.join(known, on=self._keys, how="left", maintain_order="left")
        fresh = compared.filter(pl.col("_known").is_null() | (pl.col("_known") != pl.col(HASH)))
        self._read.batch.append(self._stream.name, fresh.select(list(self._schema)))
        self._seen.append(keys_of(self._stream, hashed))
        bad = 0 if quarantined is None else len(quarantined)
        self._read.batch.count(
            self._stream.name,
            received=len(rows) + bad,
            accepted=len(fresh),
            duplicate=len(rows) - len(fresh),
            quarantined=bad,
        )
        if bad and quarantined is not None:
            self._seen.append(self.old.filter(key_text(self._keys).is_in(quarantined.implode())))

    def finish_whole(self) -> None:
        """Everything was read: what is not there is gone."""
        seen = self._all_seen()
        self._delete(self.old.join(seen, on=self._keys, how="anti"))
        self._read.states.replace(self._stream, seen)

    def finish_merged(self) -> None:
        """What was not read stays."""
        self._replace(self._merged())

    def finish_append(self, floor: int) -> None:
        self._replace(within_overlap(self._stream, self._merged(), floor))

    def finish_with_keys(self, key_frames: Iterator[pl.DataFrame]) -> None:
        """The keys that the source has now: those of the last state that are missing are gone."""
        schema = pl.Schema({key: self._schema[key] for key in self._keys})
        frames = [frame.cast(schema) for frame in key_frames]
        living = pl.concat(frames) if frames else pl.DataFrame(schema=schema)
        merged = self._merged()
        gone = merged.join(living, on=self._keys, how="anti")
        self._delete(gone)
        self._replace(merged.join(living, on=self._keys, how="semi") if len(gone) else merged)

    def finish_touched(self) -> None:
        """Rows of a usage that was read whole, or whose usage is gone, and that were not seen, are gone."""
        parent = self._stream.table.parent
        assert parent is not None
        seen = self._all_seen()
        was_read = self.old.join(self._read.touched_usages, left_on=parent, right_on="usage_id", how="semi")
        orphaned = self.old.join(self._read.living_usages, left_on=parent, right_on="usage_id", how="anti")
        gone = pl.concat([was_read, orphaned]).unique(self._keys, maintain_order=True)
        gone = gone.join(seen, on=self._keys, how="anti")
        self._delete(gone)
        merged = self._merged()
        self._replace(merged.join(gone, on=self._keys, how="anti") if len(gone) else merged)

    def _all_seen(self) -> pl.DataFrame:
        return pl.concat(self._seen) if self._seen else self.old.clear()

    def _merged(self) -> pl.DataFrame:
        seen = self._all_seen()
        return pl.concat([self.old.join(seen, on=self._keys, how="anti"), seen]) if len(seen) else self.old

    def _replace(self, state: pl.DataFrame) -> None:
        if state is not self.old:
            self._read.states.replace(self._stream, state)

    def _delete(self, gone: pl.DataFrame) -> None:
        if len(gone):
            self._read.batch.append(self._stream.name, gone.select(self._keys).sort(self._keys), op="delete")
            self._read.batch.count(self._stream.name, deleted=len(gone))


def _further(position: int | None, column: pl.Series) -> int | None:
    """The greater of a position and the greatest value of an integer column; None when there is neither."""
    highest = column.max()
    if not isinstance(highest, int):
        return position
    return highest if position is None else max(position, highest)
