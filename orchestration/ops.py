"""The run ledger, data/ops/rollbook.sqlite: what a rebuild of the warehouse must not lose.

Every write is one transaction that is on the disk when the call returns, so a killed process leaves the last complete
state. Times are UTC, stored as ISO 8601 text.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ingestion.errors import UsageError
from ingestion.landing import make_folder

KEPT = timedelta(days=90)
INTERRUPTED = "The process ended before the sync did."

_TABLES = """
create table if not exists sync_runs (
    id integer primary key, run_id text not null, source text not null, kind text not null, mode text not null,
    reason text not null, started_at text not null, finished_at text, status text not null, error text,
    error_kind text, is_reconcile integer not null, rows_read integer, rows_landed integer, rows_deleted integer,
    as_of text, batch_id integer
);
create table if not exists quality_results (
    id integer primary key, run_id text not null, stage text not null, checked_at text not null, "check" text not null,
    kind text not null, mart text not null, passed integer not null, blocks integer not null,
    rows_checked integer not null, rows_failed integer not null, message text not null, evidence text not null
);
create table if not exists findings (
    anomaly_key text primary key, rule text not null, source text, first_seen_at text not null,
    last_seen_at text not null, status text not null, waived_until text
);
create table if not exists waivers (
    id integer primary key, "check" text not null, key text not null, reason text not null, until text not null,
    made_at text not null
);
create table if not exists alerts (
    alert_key text primary key, severity text not null, title text not null, detail text not null,
    opened_at text not null, last_seen_at text not null, times_seen integer not null, resolved_at text, run_id text
);
create table if not exists facts (name text primary key, value text not null);
"""


@dataclass(frozen=True)
class SyncRun:
    """One sync of one source. `status`: running, succeeded, failed, skipped.

    `error_kind`: usage (to be mended in the configuration), source (at the source), passing (may be gone next time).
    """

    run_id: str
    source: str
    kind: str
    mode: str
    reason: str
    started_at: datetime
    status: str
    finished_at: datetime | None = None
    error: str | None = None
    error_kind: str | None = None
    is_reconcile: bool = False
    rows_read: int | None = None
    rows_landed: int | None = None
    rows_deleted: int | None = None
    as_of: datetime | None = None
    batch_id: int | None = None


@dataclass(frozen=True)
class Alert:
    alert_key: str
    severity: str
    title: str
    detail: str
    opened_at: datetime
    last_seen_at: datetime
    times_seen: int
    run_id: str | None = None


class Ops:
    """The ledger of one data directory; the file is made on first use, mode 0600.

    Every method raises UsageError when the file is damaged: nothing else holds what it held.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "ops" / "rollbook.sqlite"

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        make_folder(self.path.parent)
        is_new = not self.path.exists()
        with self._judging(), closing(sqlite3.connect(self.path, timeout=30)) as con:
            con.row_factory = sqlite3.Row
            # A rollback journal, fully synced: one file to back up, and nothing lost with the power.
            con.execute("pragma synchronous = full")
            if is_new:
                self.path.chmod(0o600)
            con.executescript(_TABLES)
            with con:
                yield con

    @contextmanager
    def _judging(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise UsageError(f"The run ledger {self.path} is damaged: restore it from a backup.") from None
            raise

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
        """The rows of a query; none while there is no ledger yet."""
        if not self.path.exists():
            return []
        with self._open() as con:
            return [dict(row) for row in con.execute(sql, values)]

    # Facts

    def fact(self, name: str) -> Any:
        """A JSON value by name, None when it was never set."""
        found = self.rows("select value from facts where name = ?", [name])
        return json.loads(found[0]["value"]) if found else None

    def set_fact(self, name: str, value: object) -> None:
        with self._open() as con:
            con.execute("insert or replace into facts values (?, ?)", [name, json.dumps(value)])

    # Syncs

    def begin_sync(self, run: SyncRun) -> int:
        """Note that a sync has begun; those that never ended are closed: whoever holds the lock knows them dead."""
        with self._open() as con:
            con.execute(
                "update sync_runs set status = 'failed', finished_at = ?, error = ?, error_kind = 'source'"
                " where status = 'running' and source = ?",
                [_text(run.started_at), INTERRUPTED, run.source],
            )
            columns = _columns(run)
            cursor = con.execute(
                f"insert into sync_runs ({', '.join(columns)}) values ({', '.join('?' * len(columns))})",
                list(columns.values()),
            )
            return int(cursor.lastrowid or 0)

    def end_sync(self, sync_id: int, **changes: object) -> None:
        """Note how a sync ended; `changes` are columns."""
        assigned = ", ".join(f"{name} = ?" for name in changes)
        with self._open() as con:
            con.execute(f"update sync_runs set {assigned} where id = ?", [*map(_stored, changes.values()), sync_id])

    def last_sync(self, source: str, *, statuses: Iterable[str] = ("succeeded", "failed", "running")) -> SyncRun | None:
        """The newest sync of a source in one of these states."""
        states = list(statuses)
        found = self.rows(
            f"select * from sync_runs where source = ? and status in ({', '.join('?' * len(states))})"
            " order by id desc limit 1",
            [source, *states],
        )
        return _sync_run(found[0]) if found else None

    def last_reconcile(self, source: str) -> datetime | None:
        """When the last sync that compared all keys ended; a full load is one too."""
        found = self.rows(
            "select max(finished_at) as at from sync_runs"
            " where source = ? and status = 'succeeded' and (is_reconcile or mode = 'full')",
            [source],
        )
        return _time(found[0]["at"]) if found else None

    def syncs_of(self, run_id: str) -> list[SyncRun]:
        """The newest state of each source in a run."""
        found = self.rows(
            "select * from sync_runs where id in (select max(id) from sync_runs where run_id = ? group by source)"
            " order by source",
            [run_id],
        )
        return [_sync_run(row) for row in found]

    # Quality

    def record_results(
        self, run_id: str, stage: str, checked_at: datetime, results: Iterable[Mapping[str, Any]]
    ) -> None:
        """Keep the results of one stage (dbt or audit); of earlier ones only failures stay, for 90 days."""
        with self._open() as con:
            con.execute(
                "delete from quality_results where stage = ? and (passed or checked_at < ?)",
                [stage, _text(checked_at - KEPT)],
            )
            con.executemany(
                "insert into quality_results (run_id, stage, checked_at, \"check\", kind, mart, passed, blocks,"
                " rows_checked, rows_failed, message, evidence) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        run_id, stage, _text(checked_at), row["check"], row["kind"], row["mart"], row["passed"],
                        row["blocks"], row["rows_checked"], row["rows_failed"], row["message"], row["evidence"],
                    )
                    for row in results
                ],
            )  # fmt: skip

    def results_of(self, run_id: str) -> list[dict[str, Any]]:
        """The results that a run recorded, with `passed` and `blocks` as booleans."""
        return _results(self.rows("select * from quality_results where run_id = ? order by id", [run_id]))

    def results_since(self, moment: str) -> list[dict[str, Any]]:
        """The results recorded at or after a moment (ISO 8601 in UTC)."""
        return _results(self.rows("select * from quality_results where checked_at >= ? order by id", [moment]))

    # Findings and waivers

    def note_findings(self, seen: Iterable[Mapping[str, Any]], at: datetime) -> None:
        """Bring the findings up to date with those (anomaly_key, rule, source) that the marts hold now.

        A finding is open, waived, or gone once the marts hold it no more; it keeps when it was first seen.
        """
        moment = _text(at)
        with self._open() as con:
            con.executemany(
                "insert into findings values (?, ?, ?, ?, ?, 'open', null) on conflict (anomaly_key)"
                " do update set last_seen_at = excluded.last_seen_at, status = 'open', waived_until = null",
                [(row["anomaly_key"], row["rule"], row["source"], moment, moment) for row in seen],
            )
            con.execute("update findings set status = 'gone', waived_until = null where last_seen_at < ?", [moment])
            con.execute(
                "update findings set status = 'waived', waived_until = (select max(w.until) from waivers as w"
                " where w.\"check\" = findings.rule and w.key in (findings.anomaly_key, '*') and w.until > ?)"
                " where status = 'open' and exists (select 1 from waivers as w"
                " where w.\"check\" = findings.rule and w.key in (findings.anomaly_key, '*') and w.until > ?)",
                [moment, moment],
            )

    def waive(self, check: str, key: str, reason: str, until: datetime, made_at: datetime) -> None:
        """Add a dated exception."""
        with self._open() as con:
            con.execute(
                'insert into waivers ("check", key, reason, until, made_at) values (?, ?, ?, ?, ?)',
                [check, key, reason, _text(until), _text(made_at)],
            )

    def waivers(self) -> list[dict[str, Any]]:
        """All exceptions ever made: check, key, reason, until and made_at (ISO 8601)."""
        return self.rows('select "check", key, reason, until, made_at from waivers order by id')

    # Alerts

    def raise_alert(self, key: str, severity: str, title: str, detail: str, at: datetime, run_id: str) -> None:
        """Open an alert, or note that an open one was seen again."""
        moment = _text(at)
        with self._open() as con:
            con.execute(
                "insert into alerts values (?, ?, ?, ?, ?, ?, 1, null, ?) on conflict (alert_key) do update set"
                " severity = excluded.severity, title = excluded.title, detail = excluded.detail,"
                " opened_at = case when resolved_at is null then opened_at else excluded.opened_at end,"
                " times_seen = case when resolved_at is null then times_seen + 1 else 1 end,"
                " last_seen_at = excluded.last_seen_at, resolved_at = null, run_id = excluded.run_id",
                [key, severity, title, detail, moment, moment, run_id],
            )

    def resolve_alert(self, key: str, at: datetime) -> None:
        """Close an alert; nothing happens when it is not open."""
        if self.rows("select 1 from alerts where alert_key = ? and resolved_at is null", [key]):
            with self._open() as con:
                con.execute("update alerts set resolved_at = ? where alert_key = ?", [_text(at), key])

    def open_alerts(self) -> list[Alert]:
        found = self.rows("select * from alerts where resolved_at is null order by opened_at, alert_key")
        return [
            Alert(
                row["alert_key"], row["severity"], row["title"], row["detail"], _time(row["opened_at"]),
                _time(row["last_seen_at"]), row["times_seen"], row["run_id"],
            )
            for row in found
        ]  # fmt: skip


def _results(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "passed": bool(row["passed"]), "blocks": bool(row["blocks"])} for row in rows]


def _columns(run: SyncRun) -> dict[str, object]:
    return {name: _stored(value) for name, value in vars(run).items()}


def _stored(value: object) -> object:
    return _text(value) if isinstance(value, datetime) else value


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _time(text: str | None) -> Any:
    return None if text is None else datetime.fromisoformat(text)


def _sync_run(row: Mapping[str, Any]) -> SyncRun:
    values = {name: row[name] for name in SyncRun.__dataclass_fields__}
    for name in ("started_at", "finished_at", "as_of"):
        values[name] = _time(values[name])
    values["is_reconcile"] = bool(values["is_reconcile"])
    return SyncRun(**values)
