"""The difference of one table: rows that are new or changed land as upserts, keys that vanished as deletes.

How a table is read follows from its contract (`Sync`) and the sync's mode:

- whole, or any table but an append-only one in a full load: every row, of a range of keys where one is given; what is
  not there is gone;
- watermark: rows at or after the cursor less an overlap, then sums over the keys, which tell where rows went or came
  unnoticed; to reconcile, every row, so that an edit that moved no time is found as well;
- append: rows above the cursor less an overlap; nothing is ever deleted;
- touched: the rows of usages that moved, came or went; what is not there any more of such a usage is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from ingestion.contracts import Stream, Sync, Table
from ingestion.frames import QUARANTINE, cast_by_contract, keys_of, landed_schema, project, with_hash
from ingestion.key_state import KeyStates
from ingestion.landing import Batch
from ingestion.moodle.databases import Snapshot
from ingestion.moodle.keys import compare_keys
from ingestion.moodle.queries import EVERY_KEY, KeyRange, Queries, Touched
from ingestion.moodle.source import MoodleSource


@dataclass(frozen=True)
class MovedUsages:
    """Ids of the question usages that an incremental sync reads whole: those that `Touched` finds by time, and others
    that came or went without one (a restored course keeps its old times)."""

    by_time: pl.Series
    others: pl.Series

    @property
    def all(self) -> pl.Series:
        return pl.concat([self.by_time, self.others])


@dataclass(frozen=True)
class TableRead:
    """What the tables of one batch share. `cursor` maps a table to the position where the last batch ended.

    `reconciles` reads tables with a watermark whole; `heals` compares the keys of every table, however large.
    """

    source: MoodleSource
    snapshot: Snapshot
    queries: Queries
    states: KeyStates
    batch: Batch
    cursor: Mapping[str, int]
    usages: Table
    is_full: bool
    reconciles: bool = False
    heals: bool = False

    @cached_property
    def quarantine(self) -> StreamDifference:
        """Where the rows of all tables go that their contracts cannot hold."""
        return StreamDifference(self, QUARANTINE)

    def since(self, table: str) -> int:
        """From which time on a sync reads what was written to a table."""
        return self.cursor.get(table, 0) - self.source.watermark_overlap_seconds

    def append_floor(self, table: Table) -> int:
        """The key above which the next sync reads an append-only table."""
        return max(self.cursor.get(table.name, 0) - self.source.append_overlap_rows, 0)

    @cached_property
    def touched(self) -> Touched:
        return Touched(self.since("quiz_attempts"), self.since("question_attempts"))

    @cached_property
    def moved_usages(self) -> MovedUsages:
        """Found once a batch, before any usage of it lands."""
        found = list(self.frames(self.queries.usage_ids(self.touched)))
        by_time = pl.concat([pl.Series(dtype=pl.Int64), *(frame["usage_id"].cast(pl.Int64) for frame in found)])
        differing = compare_keys(self.snapshot, self.queries, self.usages, self.states.of(self.usages.streams[0]))
        others = pl.concat([differing.gone, differing.missing])
        return MovedUsages(by_time, others.filter(~others.is_in(by_time.implode())))

    def frames(self, sql: str) -> Iterator[pl.DataFrame]:
        return self.snapshot.read(sql, bulk=self.is_full)


@dataclass
class TableSync:
    """Brings one table's difference into the batch; in a full load, that of a range of its keys."""

    read: TableRead
    table: Table
    keys: KeyRange = EVERY_KEY
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        is_noted = self._is_whole or self.table.sync is Sync.TOUCHED
        self._streams = [StreamDifference(self.read, stream, notes_seen=is_noted) for stream in self.table.streams]
        self._gone = pl.Series(dtype=pl.Int64)
        self._quarantined: set[str] = set()

    def run(self, progress: Callable[[int], None], position: int | None) -> int | None:
        """Land the difference. Takes the table's position and returns its new one, None for a table that has none."""
        position_column = self.table.position_column
        rows_read = 0
        for sql in self._queries():
            for frame in self.read.frames(sql):
                rows = self._take(frame)
                rows_read += len(frame)
                progress(rows_read)
                if position_column and len(rows):
                    position = _further(position, rows[position_column])
        for difference in self._streams:
            self._finish(difference, position)
        if position is not None and self.table.sync is not Sync.APPEND:
            # A row stamped in the future must not hide what is stamped now.
            position = min(position, int(self.read.snapshot.clock.timestamp()))
        return position

    def _take(self, frame: pl.DataFrame) -> pl.DataFrame:
        cast = cast_by_contract(self.table, frame)
        if len(cast.quarantined):
            self.read.quarantine.take(cast.quarantined)
            self._quarantined |= set(cast.quarantined["key"])
        for difference in self._streams:
            difference.take(cast.rows, quarantined=cast.quarantined["key"])
        return cast.rows

    @property
    def _is_whole(self) -> bool:
        if self.table.sync is Sync.WATERMARK and self.read.reconciles:
            return True
        return self.table.sync is Sync.WHOLE or (self.read.is_full and self.table.sync is not Sync.APPEND)

    def _queries(self) -> Iterator[str]:
        """What to read; later queries are made from what earlier ones brought."""
        queries = self.read.queries
        if self._is_whole:
            yield queries.of_range(self.table, self.keys)
        elif self.table.sync is Sync.APPEND:
            keys = self.keys if self.read.is_full else KeyRange(self.read.append_floor(self.table))
            yield queries.of_range(self.table, keys)
        elif self.table.sync is Sync.TOUCHED:
            others = self.read.moved_usages.others
            yield queries.read(self.table, touched=self.read.touched)
            yield from queries.of_parents(self.table, others)
        else:
            yield queries.since(self.table, self.read.since(self.table.name))
            yield from queries.of_keys(self.table, self._compare_keys())

    def _compare_keys(self) -> pl.Series:
        """Note which keys are gone; returns those that came without a time that a sync would have read."""
        state = self._streams[0].state
        if not self.read.heals and state.count() > self.read.source.delete_check_max_rows:
            self.notes.append(f"keys of {self.table.name} not compared: more than delete_check_max_rows")
            return pl.Series(dtype=pl.Int64)
        found = compare_keys(self.read.snapshot, self.read.queries, self.table, state)
        self._gone = found.gone
        # What was turned away just now is not read twice.
        return found.missing.filter(~found.missing.cast(pl.String).is_in(list(self._quarantined)))

    def _finish(self, difference: StreamDifference, position: int | None) -> None:
        if self._is_whole:
            difference.delete(difference.state.unseen(self.keys.above, self.keys.up_to))
        elif self.table.sync is Sync.APPEND:
            ends = [bound for bound in (position, self.keys.up_to) if bound is not None]
            difference.state.remove_up_to(min(ends, default=0) - self.read.source.append_overlap_rows)
        elif self.table.sync is Sync.TOUCHED:
            parent = self.table.parent or ""
            difference.delete(difference.state.unseen_of(parent, self.read.moved_usages.all))
        else:
            difference.delete(self._gone.to_frame(self.table.primary_key[0]))
        difference.state.forget_seen()


class StreamDifference:
    """Rows of one stream against its last state, frame by frame. With `notes_seen` the state notes every key met."""

    def __init__(self, read: TableRead, stream: Stream, *, notes_seen: bool = False) -> None:
        self._batch = read.batch
        self._stream = stream
        self._schema = landed_schema(stream)
        self._notes_seen = notes_seen
        self.state = read.states.of(stream)
        if notes_seen:
            self.state.begin_reading()
        read.batch.open_stream(stream.name, self._schema)

    def take(self, rows: pl.DataFrame, *, quarantined: pl.Series | None = None) -> None:
        """Land those rows of a frame that are new or other than the last state has them.

        `quarantined` names further rows by their key as text: they count, and their last good version stays.
        """
        hashed = with_hash(project(self._stream, rows))
        fresh = hashed.filter(self.state.news(hashed))
        self._batch.append(self._stream.name, fresh.select(list(self._schema)))
        self.state.put(keys_of(self._stream, fresh))
        bad = 0 if quarantined is None else len(quarantined)
        self._batch.count(
            self._stream.name,
            received=len(rows) + bad,
            accepted=len(fresh),
            duplicate=len(rows) - len(fresh),
            quarantined=bad,
        )
        if self._notes_seen:
            self.state.see(hashed)
            if bad and quarantined is not None:
                self.state.see_texts(quarantined)

    def delete(self, gone: pl.DataFrame) -> None:
        """Land deletes of these keys."""
        if len(gone):
            self._batch.append(self._stream.name, gone, op="delete")
            self._batch.count(self._stream.name, deleted=len(gone))
            self.state.remove(gone)


def _further(position: int | None, column: pl.Series) -> int | None:
    """The greater of a position and the greatest value of an integer column; None when there is neither."""
    highest = column.max()
    if not isinstance(highest, int):
        return position
    return highest if position is None else max(position, highest)
