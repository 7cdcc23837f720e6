"""One sync of a Moodle site: read at one point in time, land the difference, remember what landed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import monotonic

from ingestion.contracts import Contracts, Table
from ingestion.key_state import KeyStates, StateDamagedError
from ingestion.landing import Batch, Landing, Manifest
from ingestion.moodle import KIND, contracts
from ingestion.moodle.catalog import Catalog, check
from ingestion.moodle.databases import Database, Snapshot, open_database
from ingestion.moodle.difference import TableRead, TableSync
from ingestion.moodle.mode import Decision, decide
from ingestion.moodle.queries import Queries
from ingestion.moodle.source import MoodleSource

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
    """Bring what changed at a Moodle site into the landing, as one committed batch.

    `as_of` overrides the source's clock in the manifest. `reconcile` reads tables with a watermark whole, however
    large: it finds deletes that were not looked for, and edits that moved no time. On a database without shared
    snapshots a full load is followed at once by an incremental one in one transaction, so that what moved meanwhile is
    healed. Raises SourceError or UsageError in one sentence; then nothing is committed and what had landed stays.
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
        run = _Run(source, landing, state_dir, rules, reconcile, progress or (lambda table, rows: None))
        report.add(run.batch(snapshot, decision, newest, report.as_of, report.notes))
    if decision.is_full and not database.has_shared_snapshot:
        _heal(run, database, report, as_of)
    report.seconds = monotonic() - started
    return report


def _heal(run: _Run, database: Database, report: SyncReport, as_of: datetime | None) -> None:
    with database.snapshot() as snapshot:
        report.as_of = as_of or snapshot.clock
        decision = Decision("incremental", "heals_full_load")
        report.add(run.batch(snapshot, decision, report.manifest, report.as_of, []))


@dataclass(frozen=True)
class _Run:
    source: MoodleSource
    landing: Landing
    state_dir: Path
    contracts: Contracts
    reconcile: bool
    progress: Progress

    def batch(
        self, snapshot: Snapshot, decision: Decision, newest: Manifest | None, as_of: datetime, notes: list[str]
    ) -> Manifest:
        """Read every table at the snapshot and commit one batch."""
        try:
            return self._batch(snapshot, decision, newest, as_of, notes)
        except StateDamagedError:
            # Nothing was committed, and the damaged file is gone.
            return self._batch(snapshot, decision, newest, as_of, notes)

    def _batch(
        self, snapshot: Snapshot, decision: Decision, newest: Manifest | None, as_of: datetime, notes: list[str]
    ) -> Manifest:
        columns = snapshot.columns()
        catalog = check(self.source, self.contracts, columns)
        found = list(catalog.notes)
        queries = Queries(snapshot.dialect, self.source.prefix, columns)
        queries = replace(queries, modules=_modules(snapshot, queries))
        cursor = dict(newest.cursor_after) if newest else {}
        tables = self.contracts.tables
        with (
            self.landing.begin(self.source.name, KIND, decision.mode, decision.reason, cursor, snapshot.clock) as batch,
            KeyStates(self.state_dir, self.landing, self.source.name, self.contracts) as states,
        ):
            read = TableRead(
                self.source, snapshot, queries, states, batch, cursor, tables["question_usages"],
                decision.is_full, self.reconcile,
            )  # fmt: skip
            after = {name: value for name, value in cursor.items() if name not in tables}
            for table in tables.values():
                after |= self._table(table, catalog, read, batch, found)
            manifest = batch.commit(
                as_of, after, notes=tuple(found), contract_version=self.contracts.version, is_complete=True
            )
            states.save(manifest.batch_id)
        notes += found
        return manifest

    def _table(self, table: Table, catalog: Catalog, read: TableRead, batch: Batch, notes: list[str]) -> dict[str, int]:
        if table not in catalog.tables:
            return read.keep(table)
        started = monotonic()
        sync = TableSync(read, table)
        position = sync.run(lambda rows: self.progress(table.name, rows))
        notes += sync.notes
        batch.count(table.streams[0].name, source_seconds=monotonic() - started)
        return {} if position is None else {table.name: position}


def _modules(snapshot: Snapshot, queries: Queries) -> list[str]:
    names = [name for frame in snapshot.read(queries.module_names()) for name in frame["name"]]
    return queries.activity_tables(names)
