"""How the warehouse fares: what `rollbook status` shows and status.json holds. It answers without any database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion.landing import Landing, Manifest
from orchestration.locking import is_state_held
from orchestration.ops import INTERRUPTED, Ops, SyncRun
from orchestration.settings import Settings
from serving.errors import ServingError

FORMAT = 1


@dataclass(frozen=True)
class SourceState:
    """One source. `newest` is its last batch, `complete` the last that marts can be built from.

    `lag_seconds` is the age of the latter's snapshot; `stale_reason` is None while it is fresh.
    """

    name: str
    kind: str
    sync_mode: str
    last: SyncRun | None
    newest: Manifest | None
    complete: Manifest | None
    lag_seconds: float | None
    stale_reason: str | None

    @property
    def as_of(self) -> datetime | None:
        """The source's own clock at the snapshot that marts can be built from."""
        return self.complete.as_of if self.complete else None

    @property
    def is_loading(self) -> bool:
        """Whether a full load is unfinished."""
        return self.newest is not None and not self.newest.is_complete


def source_states(settings: Settings, now: datetime) -> list[SourceState]:
    """The configured sources, and those that were configured once and have landed.

    A sync whose process died is a failed one, although the ledger learns of it only from the next sync.
    """
    landing, ops = Landing(settings.landing_dir), Ops(settings.data_dir)
    states = []
    for name in [*settings.sources, *(name for name in landing.sources() if name not in settings.sources)]:
        source = settings.sources.get(name)
        last, newest, complete = ops.last_sync(name), landing.newest(name), landing.newest_complete(name)
        lag = (now - complete.extracted_at).total_seconds() if complete else None
        window = timedelta(hours=source.sync_window_hours) if source else timedelta(0)
        if last is not None and last.status == "running" and not is_state_held(settings.data_dir):
            last = replace(last, status="failed", error=INTERRUPTED)
        if source is None:
            stale: str | None = "it is no longer configured"
        elif source.sync_mode == "disabled":
            stale = "it is disabled"
        elif last is not None and last.status == "failed":
            stale = "its last sync failed"
        elif newest is None:
            stale = "it was never synced"
        elif last is not None and last.status == "succeeded" and now - (last.finished_at or now) > window:
            stale = f"its last sync is more than {source.sync_window_hours:g} hours old"
        else:
            stale = None
        kind = source.kind if source else (newest.kind if newest else "")
        mode = source.sync_mode if source else "removed"
        states.append(SourceState(name, kind, mode, last, newest, complete, lag, stale))
    return states


def status(settings: Settings, now: datetime | None = None) -> dict[str, Any]:
    """The whole status as JSON values; times are ISO 8601 in UTC."""
    from serving.release.holding import hold

    now = now or datetime.now(UTC)
    ops = Ops(settings.data_dir)
    built = ops.fact("built")
    failed = ops.rows(
        'select stage, "check", mart, rows_failed, message from quality_results where blocks and checked_at >= ?'
        " order by id limit 20",
        [_newest_check(ops)],
    )
    return {
        "format": FORMAT,
        "checked_at": now.isoformat(),
        "sources": {state.name: _source(state) for state in source_states(settings, now)},
        "release": _release(settings),
        "candidate": None
        if built is None
        else {
            "built_at": built["at"],
            "is_audited": ops.fact("audited") == built["id"],
            "is_settled": ops.fact("settled") == built["id"],
            "build_due": ops.fact("build_due"),
        },
        "blocking_checks": failed,
        "alerts": [_alert(vars(alert)) for alert in ops.open_alerts()],
        "hold": hold(settings.data_dir),
    }


def write(settings: Settings) -> dict[str, Any]:
    """Rewrite data/published/status.json and return what it says."""
    from serving.release.status import write_status

    content = status(settings)
    write_status(settings.data_dir, content)
    return content


def _newest_check(ops: Ops) -> str:
    found = ops.rows("select max(checked_at) as at from quality_results")
    return (found[0]["at"] if found else None) or ""


def _source(state: SourceState) -> dict[str, Any]:
    last, newest = state.last, state.newest
    streams = newest.streams.values() if newest else []
    return {
        "kind": state.kind,
        "sync_mode": state.sync_mode,
        "is_stale": state.stale_reason is not None,
        "stale_reason": state.stale_reason,
        "is_loading": state.is_loading,
        "as_of": _iso(state.as_of),
        "lag_seconds": None if state.lag_seconds is None else round(state.lag_seconds, 1),
        "last_sync": last
        and {
            "status": last.status,
            "mode": last.mode,
            "reason": last.reason,
            "started_at": _iso(last.started_at),
            "finished_at": _iso(last.finished_at),
            "error": last.error,
        },
        "batch_id": newest.batch_id if newest else None,
        "cursor": dict(newest.cursor_after) if newest else None,
        "counts": {
            name: sum(getattr(entry.ledger, name) for entry in streams)
            for name in ("received", "accepted", "duplicate", "ignored", "quarantined", "deleted")
        },
        "notes": list(newest.notes) if newest else [],
    }


def _release(settings: Settings) -> dict[str, Any] | None:
    from serving.release.releases import Releases

    releases = Releases(settings.data_dir)
    current = releases.current_id()
    if current is None:
        return None
    try:
        manifest = releases.manifest(current)
    except ServingError as error:
        return {"release_id": current, "error": str(error)}
    return {
        "release_id": current,
        "released_at": manifest["released_at"],
        "reason": manifest["reason"],
        "as_of": manifest["as_of"],
        "rows": {name: mart["rows"] for name, mart in manifest["marts"].items()},
    }


def _alert(alert: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _iso(value) if isinstance(value, datetime) else value for name, value in alert.items()}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
