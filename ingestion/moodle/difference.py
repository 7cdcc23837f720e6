"""The difference of one table: rows that are new or changed land as upserts, keys that vanished as deletes.

How a table is read follows from its contract (`Sync`) and the sync's mode:

- whole, or any table but an append-only one in a full load: every row, of a range of keys where one is given; what is
  not there is gone;
- watermark: rows at or after the cursor less an overlap, then sums over the keys, which tell where rows went or came
  unnoticed; to reconcile, every row, so that an edit that moved no time is found as well;
- append: rows above the cursor less an overlap; nothing is ever deleted;
- touched: the rows of usages that moved, came or went; what is not there any more of such a usage is gone;
- history: of a large gradebook, the grades of courses that may have been regraded, then sums over the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
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

# Tables whose changes move grades in place, without a word in the history of grades.
_REGRADING = ("grade_items", "grade_categories")


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
    `reread` names tables of which other columns are there than before: they are read whole. `stepped_back` is by how
    many seconds the source's clock was set back since the last batch. `by_history` tells that the gradebook kept its
    history then and keeps it now.
    """

    source: MoodleSource
    snapshot: Snapshot
    queries: Queries
    states: KeyStates
    batch: Batch
    cursor: Mapping[str, int]
    tables: Mapping[str, Table]
    is_full: bool
    reconciles: bool = False
    heals: bool = False
    reread: frozenset[str] = frozenset()
    stepped_back: int = 0
    by_history: bool = False
    regraded: set[int] = field(default_factory=set)

    @cached_property
    def quarantine(self) -> StreamDifference:
        """Where the rows of all tables go that their contracts cannot hold."""
        return StreamDifference(self, QUARANTINE)

    def since(self, table: str) -> int:
        """From which time on a sync reads what was written to a table."""
        return self.cursor.get(table, 0) - self.source.watermark_overlap_seconds - self.stepped_back

    def append_floor(self, table: str) -> int:
        """The key above which the next sync reads an append-only table."""
        return max(self.cursor.get(table, 0) - self.source.append_overlap_rows, 0)

    @cached_property
    def touched(self) -> Touched:
        return Touched(self.since("quiz_attempts"), self.since("question_attempts"))

    @cached_property
    def moved_usages(self) -> MovedUsages:
        """Found once a batch, before any usage of it lands."""
        by_time = self.integers(self.queries.usage_ids(self.touched))
        usages = self.tables["question_usages"]
        differing = compare_keys(self.snapshot, self.queries, usages, self.states.of(usages.streams[0]))
        others = pl.concat([differing.gone, differing.missing])
        return MovedUsages(by_time, others.filter(~others.is_in(by_time.implode())))

    def regraded_courses(self) -> pl.Series:
        """The courses whose grades may have moved: those with news in the histories of grades and grade items, and
        those of which a grade item or category is other than before (regrading alone rewrites weights in place)."""
        floors = self.append_floor("grade_grades_history"), self.append_floor("grade_items_history")
        named = self.integers(self.queries.graded_courses(*floors))
        return pl.concat([named, pl.Series(sorted(self.regraded), dtype=pl.Int64)]).unique().sort()

    def integers(self, sql: str) -> pl.Series:
        """The one column of a query."""
        found = [frame.to_series().cast(pl.Int64) for frame in self.frames(sql)]
        return pl.concat([pl.Series(dtype=pl.Int64), *(series.alias("") for series in found)])

    def frames(self, sql: str) -> Iterator[pl.DataFrame]:
        return self.snapshot.read(sql, bulk=self.is_full)


class Way(StrEnum):
    """How a table is read in one batch."""

    WHOLE = "whole"
    WATERMARK = "watermark"
    APPEND = "append"
    TOUCHED = "touched"
    HISTORY = "history"


@dataclass
class TableSync:
    """Brings one table's difference into the batch; in a full load, that of a range of its keys."""

    read: TableRead
    table: Table
    keys: KeyRange = EVERY_KEY
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._way = self._chosen_way()
        is_noted = self._way in (Way.WHOLE, Way.TOUCHED)
        self._streams = [StreamDifference(self.read, stream, notes_seen=is_noted) for stream in self.table.streams]
        self._gone = pl.Series(dtype=pl.Int64)
        self._quarantined: set[str] = set()

    def _chosen_way(self) -> Way:
        read, sync = self.read, self.table.sync
        if sync is Sync.APPEND:
            return Way.APPEND
        if read.is_full or self.table.name in read.reread or (sync is Sync.WATERMARK and read.reconciles):
            return Way.WHOLE
        if self.table.name == "grade_grades" and read.by_history and not read.reconciles and not read.heals:
            rows = read.states.of(self.table.streams[0]).count()
            return Way.HISTORY if rows > read.source.whole_read_max_rows else Way.WHOLE
        return Way(sync.value)

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
            fresh = difference.take(cast.rows, quarantined=cast.quarantined["key"])
            if self.table.name in _REGRADING:
                self.read.regraded.update(fresh["courseid"].drop_nulls())
        return cast.rows

    def _queries(self) -> Iterator[str]:
        """What to read; later queries are made from what earlier ones brought."""
        read, queries = self.read, self.read.queries
        if self._way is Way.WHOLE:
            yield queries.of_range(self.table, self.keys)
        elif self._way is Way.APPEND:
            floor = None if self.table.name in read.reread else read.append_floor(self.table.name)
            yield queries.of_range(self.table, self.keys if read.is_full else KeyRange(floor))
        elif self._way is Way.TOUCHED:
            others = read.moved_usages.others
            yield queries.read(self.table, touched=read.touched)
            yield from queries.of_parents(self.table, others)
        elif self._way is Way.HISTORY:
            yield from queries.of_courses(self.table, read.regraded_courses())
            yield from queries.of_keys(self.table, self._compare_keys())
        else:
            yield queries.since(self.table, read.since(self.table.name))
            if read.heals or self._streams[0].state.count() <= read.source.delete_check_max_rows:
                yield from queries.of_keys(self.table, self._compare_keys())
            else:
                self.notes.append(f"keys of {self.table.name} not compared: more than delete_check_max_rows")

    def _compare_keys(self) -> pl.Series:
        """Note which keys are gone; returns those that came without a sign that a sync goes by."""
        found = compare_keys(self.read.snapshot, self.read.queries, self.table, self._streams[0].state)
        self._gone = found.gone
        # What was turned away just now is not read twice.
        return found.missing.filter(~found.missing.cast(pl.String).is_in(list(self._quarantined)))

    def _finish(self, difference: StreamDifference, position: int | None) -> None:
        if self._way is Way.WHOLE:
            difference.delete(difference.state.unseen(self.keys.above, self.keys.up_to))
        elif self._way is Way.APPEND:
            ends = [bound for bound in (position, self.keys.up_to) if bound is not None]
            difference.state.remove_up_to(min(ends, default=0) - self.read.source.append_overlap_rows)
        elif self._way is Way.TOUCHED:
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

    def take(self, rows: pl.DataFrame, *, quarantined: pl.Series | None = None) -> pl.DataFrame:
        """Land and return those rows of a frame that are new or other than the last state has them.

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
        return fresh

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
