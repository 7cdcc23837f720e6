"""One sync of each configured source: what is asked of it, what came of it, noted in the run ledger."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ingestion.errors import RollbookError, SourceError, UsageError
from ingestion.landing import Landing
from ingestion.moodle.source import MoodleSource
from orchestration import progress
from orchestration.ops import Ops, SyncRun
from orchestration.pseudonyms import pseudonym_key
from orchestration.secrets import redact, resolve
from orchestration.settings import MoodleSettings, Settings, SourceSettings

logger = logging.getLogger("rollbook")


def chosen(settings: Settings, names: Collection[str] = ()) -> dict[str, SourceSettings]:
    """The named sources, all when none is named. Raises UsageError for an unknown one, or when there is none."""
    if not settings.sources:
        raise UsageError(f"{settings.file.name} names no source: add a [sources.NAME] section.")
    for name in names:
        if name not in settings.sources:
            raise UsageError(f"There is no source {name}: {settings.file.name} has {', '.join(settings.sources)}.")
    return {name: source for name, source in settings.sources.items() if not names or name in names}


def moodle_source(settings: Settings, name: str, source: SourceSettings) -> MoodleSource:
    """The source as the layer below knows it, its secret resolved. Raises UsageError when that cannot be."""
    if not isinstance(source, MoodleSettings):
        raise UsageError(f"Sources of kind {source.kind} are not available yet: remove sources.{name}, or disable it.")
    return MoodleSource(
        name=name,
        url=resolve(source.url, f"sources.{name}.url").get_secret_value(),
        prefix=source.prefix,
        site_url=source.site_url,
        base_folder=settings.folder,
        batch_rows=source.batch_rows,
        statement_timeout_seconds=source.statement_timeout_seconds,
        delete_check_max_rows=source.delete_check_max_rows,
        whole_read_max_rows=source.whole_read_max_rows,
        sync_window_hours=source.sync_window_hours,
        on_failure=source.on_failure,
        time_budget_seconds=source.time_budget_seconds,
    )


def require_one(settings: Settings, names: Collection[str] = ()) -> None:
    """Raise UsageError, the first source's, when none of the sources can be tried as configured."""
    first: UsageError | None = None
    for name, source in chosen(settings, names).items():
        if source.sync_mode == "disabled":
            return
        try:
            moodle_source(settings, name, source)
            return
        except UsageError as error:
            first = first or error
    if first is not None:
        raise first


def sync_sources(
    settings: Settings,
    *,
    run_id: str,
    mode: str | None = None,
    names: Collection[str] = (),
    as_of: datetime | None = None,
    reconcile: bool = False,
    is_scheduled: bool = False,
) -> list[SyncRun]:
    """Sync one source after the other and tell how each ended; a failed one keeps what it had landed.

    `mode` overrides each source's own, but not `disabled`. A source that has already succeeded in this run is left
    alone, so that a retried run goes on where it failed. Scheduled runs respect quiet hours.
    """
    # Before anything lands: from then on a key that is gone is a lost one.
    pseudonym_key(settings)
    ops = Ops(settings.data_dir)
    for alert in ops.open_alerts():
        if alert.alert_key.startswith("sync:") and alert.alert_key.removeprefix("sync:") not in settings.sources:
            ops.resolve_alert(alert.alert_key, _now())
    done = {run.source: run for run in ops.syncs_of(run_id) if run.status == "succeeded"}
    runs = []
    for name, source in chosen(settings, names).items():
        begun = SyncRun(run_id, name, source.kind, mode or source.sync_mode, "", _now(), "running")
        if name in done:
            runs.append(done[name])
        elif reason := _left_alone(settings, source, begun.started_at, is_scheduled):
            skipped = replace(begun, status="skipped", reason=reason, mode=source.sync_mode, finished_at=_now())
            ops.begin_sync(skipped)
            runs.append(skipped)
        else:
            due = reconcile or _reconcile_due(ops, name, source, begun.started_at)
            runs.append(_sync(settings, ops, source, replace(begun, is_reconcile=due), as_of))
    return runs


def failures(runs: Iterable[SyncRun]) -> list[SyncRun]:
    return [run for run in runs if run.status == "failed"]


def _sync(settings: Settings, ops: Ops, source: SourceSettings, run: SyncRun, as_of: datetime | None) -> SyncRun:
    last = ops.last_sync(run.source)
    sync_id = ops.begin_sync(run)
    heard = progress.current()
    heard.step(f"sync {run.source}")
    try:
        ended = _pull(settings, source, run, as_of, last_failed=last is not None and last.status != "succeeded")
    except UsageError as error:
        ended = replace(run, status="failed", error=redact(str(error)), error_kind="usage")
    except RollbookError as error:
        kind = "passing" if isinstance(error, SourceError) and error.may_pass else "source"
        ended = replace(run, status="failed", error=redact(str(error)), error_kind=kind)
    except Exception as error:
        logger.error("source %s failed", run.source, exc_info=True)
        said = redact(str(error).strip().splitlines()[0] if str(error).strip() else "")[:200]
        ended = replace(
            run,
            status="failed",
            error=f"Source {run.source} failed unexpectedly: {type(error).__name__} {said}".rstrip(" .") + ".",
            error_kind="source",
        )
    ended = replace(ended, finished_at=_now())
    changed = {name: value for name, value in vars(ended).items() if value != getattr(run, name)}
    ops.end_sync(sync_id, **changed)
    alert = f"sync:{run.source}"
    if ended.status == "failed":
        ops.raise_alert(alert, "error", f"Source {run.source} failed", ended.error or "", _now(), run.run_id)
    else:
        ops.resolve_alert(alert, _now())
    if ended.status == "succeeded":
        heard.note(
            f"{run.source}: {ended.mode} ({ended.reason}), {ended.rows_read:,} rows read, "
            f"{ended.rows_landed:,} landed, {ended.rows_deleted:,} deleted"
        )
    return ended


def _pull(
    settings: Settings, source: SourceSettings, run: SyncRun, as_of: datetime | None, *, last_failed: bool
) -> SyncRun:
    from ingestion.moodle.sync import sync_moodle

    heard = progress.current()
    report = sync_moodle(
        moodle_source(settings, run.source, source),
        Landing(settings.landing_dir),
        settings.data_dir / "state",
        mode=run.mode,
        as_of=as_of,
        last_failed=last_failed,
        reconcile=run.is_reconcile,
        progress=lambda table, rows: heard.rows(run.source, table, rows),
    )
    if not report.is_complete:
        heard.note(
            f"{run.source}: the full load is not finished within time_budget_seconds; the marts stand as they are, "
            "and the next run goes on with it"
        )
    return replace(
        run,
        status="succeeded",
        mode=report.mode,
        reason=report.reason,
        rows_read=report.rows_read,
        rows_landed=report.rows_landed,
        rows_deleted=report.rows_deleted,
        as_of=report.as_of,
        batch_id=report.batch_ids[-1],
    )


def _left_alone(settings: Settings, source: SourceSettings, now: datetime, is_scheduled: bool) -> str | None:
    if source.sync_mode == "disabled":
        return "disabled"
    if is_scheduled and source.quiet_hours and source.quiet_hours.contains(now, settings.site.time_zone):
        return "quiet_hours"
    return None


def _reconcile_due(ops: Ops, name: str, source: SourceSettings, now: datetime) -> bool:
    if source.reconcile_every_hours is None:
        return False
    last = ops.last_reconcile(name)
    return last is not None and now - last >= timedelta(hours=source.reconcile_every_hours)


def _now() -> datetime:
    return datetime.now(UTC)
