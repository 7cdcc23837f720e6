"""Source tables and landed streams: one step that syncs every source and loads what landed.

It is one step because a failed source must not keep the others from the warehouse: Dagster skips whatever depends on
an asset that was not made, and inside a step the source's tables are simply not told while the landing is.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from ingestion.contracts import Contracts
from ingestion.errors import RollbookError
from ingestion.frames import QUARANTINE
from ingestion.landing import Landing, Ledger, Manifest
from ingestion.moodle import contracts as moodle_contracts
from orchestration import sources, steps
from orchestration.assets.evidence import table
from orchestration.assets.runs import COMMAND_TAG, STATE, step
from orchestration.instance import WAREHOUSE_POOL
from orchestration.ops import SyncRun
from orchestration.settings import Settings
from orchestration.status import source_states

DATABASE = "database"
BATCHES = dg.AssetKey(["landing", "batches"])
_BOOKKEEPING = {
    "sources": "One row a source: its clock and its newest batch.",
    "control": "One row: the newest clock of all sources, which is the marts' now, and the site's time zone.",
    "user_keys": "The pseudonym of every account that any source names.",
    "batches": "The ledger of every committed batch, stream by stream.",
}
# What can pass: a source that does not answer. Scheduled runs try again after half a minute, then after a minute.
_RETRIES = dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)


class LandConfig(dg.Config):
    """`mode` None: as configured for each source. `as_of` is ISO 8601. `rebuild` makes the warehouse anew."""

    mode: str | None = None
    names: list[str] = []  # noqa: RUF012 (Dagster copies it)
    as_of: str | None = None
    reconcile: bool = False
    rebuild: bool = False


def landing_assets(settings: Settings) -> dg.AssetsDefinition:
    """The assets of all source tables and landed streams, with their checks."""
    rules = moodle_contracts()
    names = [name for name, source in settings.sources.items() if source.kind == rules.kind]
    specs = [spec for name in names for spec in _source_specs(settings, name, rules)]
    specs += _landing_specs(names, rules)
    checks = [spec for name in names for spec in _source_checks(name)]
    checks.append(
        dg.AssetCheckSpec(
            "ledger_adds_up",
            asset=BATCHES,
            description="Every row that a source gave was accepted, a duplicate, ignored or quarantined; none is lost.",
        )
    )

    @dg.multi_asset(
        name="land",
        specs=specs,
        check_specs=checks,
        can_subset=True,
        pool=WAREHOUSE_POOL,
        retry_policy=_RETRIES,
        required_resource_keys={STATE},
    )
    def land(context: dg.AssetExecutionContext, config: LandConfig) -> Iterator[Any]:
        with step(settings, context):
            wanted, asked = context.selected_asset_keys, context.selected_asset_check_keys
            if any(key.path[0] in names for key in wanted):
                runs = _sync(settings, context, config)
                for failed in sources.failures(runs):
                    context.log.error(failed.error)
                yield from _synced(settings, runs, wanted, asked)
            if not any(key.path[0] == "landing" for key in wanted):
                return
            loaded = steps.load(settings, rebuild=config.rebuild)
            if BATCHES in wanted:
                yield dg.MaterializeResult(BATCHES, metadata={"applied": table(_applied(loaded))})
                if checks[-1].key in asked:
                    yield _ledger_check(settings)
            if loaded.due is None:
                context.log.info("nothing new: the marts stand" if loaded.has_landing else "nothing has landed yet")
                return
            context.log.info(f"the marts are due: {loaded.due}")
            for key in sorted(wanted - {BATCHES}):
                if key.path[0] == "landing":
                    yield dg.MaterializeResult(key, metadata={"due": loaded.due})

    return land


def _sync(settings: Settings, context: dg.AssetExecutionContext, config: LandConfig) -> list[SyncRun]:
    runs = sources.sync_sources(
        settings,
        run_id=context.run.run_id,
        mode=config.mode,
        names=config.names,
        as_of=datetime.fromisoformat(config.as_of) if config.as_of else None,
        reconcile=config.reconcile,
        is_scheduled="dagster/schedule_name" in context.run.tags,
    )
    may_pass = [run for run in sources.failures(runs) if run.error_kind == "passing"]
    if may_pass and COMMAND_TAG not in context.run.tags and context.retry_number < _RETRIES.max_retries:
        raise dg.RetryRequested(
            max_retries=_RETRIES.max_retries, seconds_to_wait=_RETRIES.calculate_delay(context.retry_number + 1)
        ) from RollbookError(may_pass[0].error)
    return runs


def source_group(name: str) -> str:
    """The group that holds a source's tables."""
    return f"source_{name}".replace("-", "_")


def _source_specs(settings: Settings, name: str, rules: Contracts) -> Iterator[dg.AssetSpec]:
    database = dg.AssetKey([name, DATABASE])
    shared: dict[str, Any] = {"group_name": source_group(name), "skippable": True}
    yield dg.AssetSpec(
        database,
        description=f"The {rules.kind} database of {name}, read at one point in time.",
        kinds={rules.kind},
        **shared,
    )
    for contract in rules.tables.values():
        yield dg.AssetSpec(
            [name, contract.name],
            deps=[database],
            description=f"Table {contract.name} of {name}; changes are found by {contract.sync.value}.",
            kinds={rules.kind},
            metadata={"columns": ", ".join(column.name for column in contract.columns)},
            **shared,
        )


def _landing_specs(names: list[str], rules: Contracts) -> Iterator[dg.AssetSpec]:
    shared: dict[str, Any] = {"group_name": "landing", "kinds": {"duckdb", "parquet"}, "skippable": True}
    databases = [dg.AssetKey([name, DATABASE]) for name in names]
    for stream in rules.streams:
        yield dg.AssetSpec(
            ["landing", f"{rules.kind}_{stream.name}"],
            deps=[dg.AssetKey([name, stream.table.name]) for name in names],
            description=f"Current version of every row of {stream.name}, over all sources.",
            **shared,
        )
    yield dg.AssetSpec(
        ["landing", f"{rules.kind}_{QUARANTINE.name}"],
        deps=databases,
        description="Rows whose values their contract cannot hold, with the reason.",
        **shared,
    )
    for name, description in _BOOKKEEPING.items():
        yield dg.AssetSpec(["landing", name], deps=databases, description=description, **shared)


def _source_checks(name: str) -> list[dg.AssetCheckSpec]:
    database = dg.AssetKey([name, DATABASE])
    return [
        dg.AssetCheckSpec("synced", asset=database, description="The last sync of this source succeeded."),
        dg.AssetCheckSpec("fresh", asset=database, description="The landed state is no older than the sync window."),
    ]


def _synced(settings: Settings, runs: list[SyncRun], wanted: Any, asked: Any) -> Iterator[Any]:
    landing = Landing(settings.landing_dir)
    states = {state.name: state for state in source_states(settings, datetime.now().astimezone())}
    for run in runs:
        database = dg.AssetKey([run.source, DATABASE])
        if run.status == "succeeded" and run.batch_id is not None:
            manifest = landing.manifest(run.source, run.batch_id)
            counts = {table.name: _count(manifest, table.name) for table in moodle_contracts().tables.values()}
            if database in wanted:
                yield dg.MaterializeResult(database, metadata=_told(run, manifest, counts))
            for name, ledger in counts.items():
                if (key := dg.AssetKey([run.source, name])) in wanted and name in manifest.streams:
                    yield dg.MaterializeResult(key, metadata={**vars(ledger), "batch": run.batch_id})
        passed, state = run.status != "failed", states[run.source]
        verdicts: dict[str, tuple[bool, dict[str, Any]]] = {
            "synced": (passed, {"outcome": run.error or f"{run.mode} ({run.reason})"}),
            "fresh": (
                state.stale_reason is None,
                {"lag_seconds": round(state.lag_seconds or 0, 1), "stale": state.stale_reason or "no"},
            ),
        }
        for check, (holds, metadata) in verdicts.items():
            if dg.AssetCheckKey(database, check) in asked:
                yield dg.AssetCheckResult(
                    passed=holds,
                    description=None if holds else run.error if check == "synced" else state.stale_reason,
                    asset_key=database,
                    check_name=check,
                    severity=dg.AssetCheckSeverity.ERROR if check == "synced" else dg.AssetCheckSeverity.WARN,
                    metadata=metadata,
                )


def _count(manifest: Manifest, table_name: str) -> Ledger:
    found = manifest.streams.get(table_name)
    return found.ledger if found else Ledger()


def _told(run: SyncRun, manifest: Manifest, counts: Mapping[str, Ledger]) -> dict[str, Any]:
    moved = [
        {"table": name, "landed": ledger.accepted, "deleted": ledger.deleted, "unchanged": ledger.duplicate}
        for name, ledger in counts.items()
        if ledger.accepted or ledger.deleted
    ]
    return {
        "as_of": manifest.as_of.isoformat(),
        "mode": manifest.mode,
        "reason": manifest.reason,
        "rows_read": run.rows_read,
        "rows_landed": run.rows_landed,
        "rows_deleted": run.rows_deleted,
        "moved": table(moved),
        "notes": table([{"note": note} for note in manifest.notes]),
    }


def _applied(loaded: steps.Loaded) -> list[dict[str, Any]]:
    return [{"source": name, "batches": ", ".join(map(str, ids))} for name, ids in loaded.report.applied.items()]


def _ledger_check(settings: Settings) -> dg.AssetCheckResult:
    landing = Landing(settings.landing_dir)
    newest = [manifest for name in landing.sources() if (manifest := landing.newest(name))]
    broken = [
        {"source": manifest.source, "batch": manifest.batch_id, "stream": name, "ledger": str(entry.ledger)}
        for manifest in newest
        for name, entry in manifest.streams.items()
        if not entry.ledger.is_balanced or entry.rows != entry.ledger.accepted + entry.ledger.deleted
    ]
    total = sum((entry.ledger for manifest in newest for entry in manifest.streams.values()), Ledger())
    return dg.AssetCheckResult(
        passed=not broken,
        asset_key=BATCHES,
        check_name="ledger_adds_up",
        metadata={"newest_batches": str(total), "broken": table(broken)},
    )
