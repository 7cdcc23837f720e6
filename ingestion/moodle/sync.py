"""One sync of a Moodle site: read at one point in time, land the difference, remember what landed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from ingestion.contracts import Contracts, Sync, Table
from ingestion.key_state import KeyStates, StateDamagedError
from ingestion.landing import Landing, Manifest
from ingestion.moodle import KIND, contracts
from ingestion.moodle.catalog import Catalog, check
from ingestion.moodle.databases import Snapshot, open_database
from ingestion.moodle.difference import TableRead, TableSync
from ingestion.moodle.full_load import FullLoad, positions, ranges
from ingestion.moodle.mode import RESUMES, Decision, decide
from ingestion.moodle.queries import EVERY_KEY, KeyRange, Queries
from ingestion.moodle.source import MoodleSource
from ingestion.moodle.surroundings import Surroundings

Progress = Callable[[str, int], None]


@dataclass
class SyncReport:
    """What one sync did. Rows are counted over all its batches; seconds are elapsed time."""

    source: str
    mode: str
    reason: str
    as_of: datetime
    batch_ids: list[int] = field(default_factory=list)
    rows_read: int = 0
    rows_landed: int = 0
    rows_deleted: int = 0
    rows_quarantined: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    manifest: Manifest | None = None

    @property
    def is_complete(self) -> bool:
        """False while a full load waits for its next part; readers of the landing stay where they were."""
        return self.manifest is None or self.manifest.is_complete

    def add(self, manifest: Manifest) -> None:
        self.batch_ids.append(manifest.batch_id)
        self.manifest = manifest
        for entry in manifest.streams.values():
            self.rows_read += entry.ledger.received
            self.rows_landed += entry.ledger.accepted
            self.rows_deleted += entry.ledger.deleted
            self.rows_quarantined += entry.ledger.quarantined


def sync_moodle(
    source: MoodleSource,
    landing: Landing,
    state_dir: Path,
    *,
    mode: str = "auto",
    as_of: datetime | None = None,
    last_failed: bool = False,
    reconcile: bool = False,
    progress: Progress | None = None,
) -> SyncReport:
    """Bring what changed at a Moodle site into the landing, as committed batches.

    An incremental sync is one batch, all tables at one point in time. So is a full load that ends within the source's
    time budget, where the database can share a snapshot. Any other full load comes in parts (see `full_load`), and an
    incremental batch in one snapshot completes it: it heals what moved since the first part began.

    `as_of` overrides the source's clock in the manifest. `reconcile` reads tables with a watermark whole, however
    large: it finds deletes that were not looked for, and edits that moved no time. Raises SourceError or UsageError in
    one sentence; then nothing more is committed and what had landed stays.
    """
    started = monotonic()
    landing.sweep(source.name)
    rules = contracts()
    database = open_database(source)
    with database.snapshot() as snapshot:
        newest = landing.newest(source.name)
        decision = decide(source, mode, newest, snapshot.clock, last_failed=last_failed, contracts=rules.version)
        if reconcile and not decision.is_full:
            decision = Decision("incremental", "reconcile")
        report = SyncReport(source.name, decision.mode, decision.reason, as_of or snapshot.clock)
        run = _Run(source, landing, state_dir, rules, reconcile, progress or (lambda table, rows: None), started)
        if not decision.is_full:
            report.add(run.batch(snapshot, decision, newest, report.as_of, run.incremental, report.notes))
        else:
            load = FullLoad.of(newest) if decision.reason == RESUMES else None
            if load is None or not load.is_read:
                part = run.part(load, decision, is_one_snapshot=database.has_shared_snapshot)
                report.add(run.batch(snapshot, decision, newest, report.as_of, part, report.notes))
    unfinished = FullLoad.of(landing.newest(source.name))
    if unfinished is not None and unfinished.is_read:
        with database.snapshot() as snapshot:
            report.as_of = as_of or snapshot.clock
            decision = Decision("incremental", "heals_full_load")
            newest, heal = landing.newest(source.name), run.heal(unfinished)
            report.add(run.batch(snapshot, decision, newest, report.as_of, heal, []))
    report.seconds = monotonic() - started
    return report


@dataclass(frozen=True)
class _Begun:
    """A batch in the making. `after` becomes the cursor, `is_complete` tells readers whether to wait. `read_before` are
    the tables of which earlier parts of a full load read rows."""

    read: TableRead
    catalog: Catalog
    notes: list[str]
    after: dict[str, Any]
    is_complete: bool = True
    read_before: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Run:
    source: MoodleSource
    landing: Landing
    state_dir: Path
    contracts: Contracts
    reconcile: bool
    progress: Progress
    started: float

    def batch(
        self,
        snapshot: Snapshot,
        decision: Decision,
        newest: Manifest | None,
        as_of: datetime,
        work: Callable[[_Begun], _Begun],
        notes: list[str],
    ) -> Manifest:
        """Do the work at the snapshot and commit it as one batch."""
        try:
            return self._batch(snapshot, decision, newest, as_of, work, notes)
        except StateDamagedError:
            # Nothing was committed, and the damaged file is gone.
            return self._batch(snapshot, decision, newest, as_of, work, notes)

    def _batch(
        self,
        snapshot: Snapshot,
        decision: Decision,
        newest: Manifest | None,
        as_of: datetime,
        work: Callable[[_Begun], _Begun],
        notes: list[str],
    ) -> Manifest:
        columns = snapshot.columns()
        catalog = check(self.source, self.contracts, columns)
        queries = Queries(snapshot.dialect, self.source.prefix, columns)
        queries = replace(queries, modules=_modules(snapshot, queries))
        before = dict(newest.cursor_after) if newest else {}
        tables = self.contracts.tables
        cursor = {name: value for name, value in before.items() if name in tables}
        site, known = Surroundings.of(snapshot, queries, self.contracts), Surroundings.noted(newest)
        with (
            self.landing.begin(self.source.name, KIND, decision.mode, decision.reason, before, snapshot.clock) as batch,
            KeyStates(self.state_dir, self.landing, self.source.name, self.contracts) as states,
        ):
            read = TableRead(
                self.source, snapshot, queries, states, batch, cursor, tables,
                is_full=decision.is_full, reconciles=self.reconcile, reread=site.changed(known),
                stepped_back=site.stepped_back(known),
                by_history=site.keeps_history and known is not None and known.keeps_history,
            )  # fmt: skip
            done = work(_Begun(read, catalog, list(catalog.notes), dict(cursor)))
            done.after.update(site.to_cursor(known, done.read_before))
            manifest = batch.commit(
                as_of,
                done.after,
                notes=tuple(done.notes),
                contract_version=self.contracts.version,
                is_complete=done.is_complete,
            )
            states.save(manifest.batch_id)
        notes += done.notes
        return manifest

    def incremental(self, begun: _Begun) -> _Begun:
        """Every table once."""
        for table in begun.catalog.tables:
            self._table(begun, table)
        return begun

    def heal(self, load: FullLoad) -> Callable[[_Begun], _Begun]:
        """As `incremental`, from the positions that were before the load's first part."""

        def work(begun: _Begun) -> _Begun:
            cursor = {**begun.read.cursor, **load.since}
            healed = replace(begun, read=replace(begun.read, cursor=cursor, heals=True, reconciles=False))
            return self.incremental(healed)

        return work

    def part(self, load: FullLoad | None, decision: Decision, *, is_one_snapshot: bool) -> Callable[[_Begun], _Begun]:
        """Ranges of tables for as long as the time budget lasts, at least one."""

        def work(begun: _Begun) -> _Begun:
            read = begun.read
            if load is None:
                stands = FullLoad(positions(read.snapshot, read.queries, begun.catalog))
            else:
                stands = load.set_back(read.stepped_back)
                begun = replace(begun, read_before=frozenset({*load.done, load.table or ""}))
            for table, keys in self._left(begun, stands, from_zero=decision.reason == "contracts_changed"):
                self._table(begun, table, keys)
                stands = stands.having_read(table, keys)
                if self._is_time_up() and stands.left(begun.catalog):
                    goes_on = f"full load unfinished: the next sync goes on with {stands.left(begun.catalog)[0].name}"
                    return self._unfinished(begun, stands, goes_on)
            if load is None and is_one_snapshot:
                return begun
            return self._unfinished(begun, replace(stands, is_read=True))

        return work

    def _left(self, begun: _Begun, load: FullLoad, *, from_zero: bool) -> Iterator[tuple[Table, KeyRange]]:
        rows = None if self.source.time_budget_seconds is None else self.source.range_rows
        for table in load.left(begun.catalog):
            above = load.above if table.name == load.table else None
            reread = 0
            if table.sync is Sync.APPEND and above is not None:
                # Rows with a lower key can have become visible since.
                reread = self.source.append_overlap_rows
            elif table.sync is Sync.APPEND and not from_zero:
                above = begun.read.append_floor(table.name)
            for keys in ranges(begun.read.snapshot, begun.read.queries, table, above, rows):
                yield table, KeyRange(keys.above - reread, keys.up_to) if keys.above is not None else keys
                reread = 0

    @staticmethod
    def _unfinished(begun: _Begun, load: FullLoad, *notes: str) -> _Begun:
        after = begun.after | load.to_cursor()
        return replace(begun, after=after, notes=[*begun.notes, *notes], is_complete=False)

    def _is_time_up(self) -> bool:
        budget = self.source.time_budget_seconds
        return budget is not None and monotonic() - self.started >= budget

    def _table(self, begun: _Begun, table: Table, keys: KeyRange = EVERY_KEY) -> None:
        started = monotonic()
        sync = TableSync(begun.read, table, keys)
        position = sync.run(lambda rows: self.progress(table.name, rows), begun.after.get(table.name))
        begun.notes.extend(sync.notes)
        begun.read.batch.count(table.streams[0].name, source_seconds=monotonic() - started)
        if position is not None:
            begun.after[table.name] = position


def _modules(snapshot: Snapshot, queries: Queries) -> list[str]:
    names = [name for frame in snapshot.read(queries.module_names()) for name in frame["name"]]
    return queries.activity_tables(names)
