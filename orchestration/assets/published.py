"""The release and the status: what readers see of a run."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration import sources, status, steps
from orchestration.assets.evidence import table
from orchestration.assets.landing import BATCHES
from orchestration.assets.runs import STATE, step
from orchestration.instance import WAREHOUSE_POOL, forget_old_runs
from orchestration.ops import Ops
from orchestration.settings import Settings
from orchestration.transform import Project

RELEASE = dg.AssetKey(["published", "release"])
STATUS = dg.AssetKey(["published", "status"])
_ALL_SYNCED = "every_source_synced"


def release_asset(settings: Settings, project: Project) -> dg.AssetsDefinition:
    """The live release, made of all marts and the identities; not made anew when none of them differs."""
    tables = [
        dg.AssetKey([node["schema"], node["name"]])
        for node in project.manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] in ("marts", "restricted")
    ]

    @dg.multi_asset(
        name="release",
        specs=[
            dg.AssetSpec(
                RELEASE,
                deps=tables,
                skippable=True,
                group_name="published",
                kinds={"duckdb", "parquet"},
                description="data/published/current: every mart of one moment, swapped in at once.",
            )
        ],
        pool=WAREHOUSE_POOL,
        required_resource_keys={STATE},
    )
    def release(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with step(settings, context):
            released = steps.release(settings, run_id=context.run.run_id, reason=context.job_name)
            if released.published is None:
                context.log.info(released.why_not)
                return
            manifest = released.published.manifest
            changed = [
                {"mart": name, "rows": mart["rows"], **mart["changed"]}
                for name, mart in sorted(manifest["marts"].items())
                if any(mart["changed"].values())
            ]
            yield dg.MaterializeResult(
                RELEASE,
                metadata={
                    "release": released.published.release_id,
                    "folder": dg.MetadataValue.path(str(released.published.path)),
                    "as_of": table([{"source": name, "as_of": at} for name, at in manifest["as_of"].items()]),
                    "changed": table(changed),
                    "notes": table([{"note": note} for note in released.published.notes]),
                },
            )

    return release


def status_asset(settings: Settings) -> dg.AssetsDefinition:
    """status.json, rewritten by every run that got as far as the landing, whatever became of its other steps.

    Its low priority makes it the last step of a run; a source that failed fails the run here, after the others have
    been released.
    """

    @dg.multi_asset(
        name="status",
        specs=[
            dg.AssetSpec(
                STATUS,
                deps=[BATCHES],
                group_name="published",
                description="data/published/status.json: sources, release, alerts at a glance.",
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(_ALL_SYNCED, asset=STATUS, blocking=True, description="No source failed in this run.")
        ],
        op_tags={"dagster/priority": "-10"},
        required_resource_keys={STATE},
    )
    def write(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with step(settings, context):
            ops = Ops(settings.data_dir)
            failed = sources.failures(ops.syncs_of(context.run.run_id))
            if not failed and steps.is_settled(settings):
                ops.resolve_alert(f"run:{context.job_name}", datetime.now(UTC))
            forget_old_runs(context.instance, datetime.now(UTC))
            content = status.write(settings)
            release = content["release"] or {}
            stale = [
                {"source": name, "stale": source["stale_reason"]}
                for name, source in content["sources"].items()
                if source["is_stale"]
            ]
            yield dg.MaterializeResult(
                STATUS,
                metadata={
                    "release": release.get("release_id"),
                    "stale_sources": table(stale),
                    "alerts": table(content["alerts"]),
                    "hold": content["hold"] or "none",
                },
            )
            yield dg.AssetCheckResult(
                passed=not failed,
                asset_key=STATUS,
                check_name=_ALL_SYNCED,
                description=" ".join(run.error or "" for run in failed) or None,
                metadata={"failed": table([{"source": run.source, "why": run.error} for run in failed])},
            )

    return write
