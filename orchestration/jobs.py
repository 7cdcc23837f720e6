"""The jobs, when they run, and what happens when one fails."""

import json
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from orchestration.assets.landing import source_group
from orchestration.assets.published import RELEASE as RELEASE_ASSET
from orchestration.assets.published import STATUS
from orchestration.locking import is_state_free
from orchestration.ops import Ops
from orchestration.settings import Settings

HOURLY, RECONCILE, REBUILD = "hourly", "reconcile", "rebuild"
SYNC, BUILD, AUDIT, RELEASE = "sync", "build", "audit", "release"
_LAND = "land"
_TAKES_THE_LOCK_WITHIN = timedelta(minutes=5)
_MODEL_GROUPS = ("seeds", "staging", "intermediate", "marts", "restricted")


def jobs(settings: Settings, audit: dg.AssetChecksDefinition) -> list[UnresolvedAssetJobDefinition]:
    """hourly: everything. reconcile: the same, and every table is read whole or compared for deletes.

    rebuild: the warehouse anew from the landing, without asking any source. sync, build, audit and release are the
    steps of hourly one by one, for the commands of these names.
    """
    everything = dg.AssetSelection.all()
    landed = dg.AssetSelection.groups("landing")
    status = dg.AssetSelection.keys(STATUS)
    tables = dg.AssetSelection.groups(*(source_group(name) for name in settings.sources))
    models = dg.AssetSelection.groups(*_MODEL_GROUPS)
    audited = dg.AssetSelection.checks(audit)
    return [
        dg.define_asset_job(HOURLY, everything, description="Sync, load, build, audit, release."),
        dg.define_asset_job(
            RECONCILE,
            everything,
            config={"ops": {_LAND: {"config": {"reconcile": True}}}},
            description="As hourly; deletes are looked for in every table, however large.",
        ),
        dg.define_asset_job(
            REBUILD,
            dg.AssetSelection.keys("landing/batches").downstream()
            | dg.AssetSelection.groups("landing", "seeds", "staging").downstream(),
            config={"ops": {_LAND: {"config": {"rebuild": True}}}},
            description="The warehouse anew from all landed batches; no source is asked. Press it when in doubt.",
        ),
        dg.define_asset_job(SYNC, tables | status, description="Only bring what changed into the landing."),
        dg.define_asset_job(BUILD, (landed | models | status) - audited, description="Only load and build the marts."),
        dg.define_asset_job(AUDIT, audited, description="Only audit the marts that were built."),
        dg.define_asset_job(
            RELEASE, dg.AssetSelection.keys(RELEASE_ASSET) | status, description="Only publish the audited marts."
        ),
    ]


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """hourly at minute 5, reconcile in the night of the site. rebuild has none."""
    zone = settings.site.time_zone
    running = dg.DefaultScheduleStatus.RUNNING
    return [
        dg.ScheduleDefinition(
            job_name=HOURLY, cron_schedule="5 * * * *", execution_timezone=zone, default_status=running
        ),
        dg.ScheduleDefinition(
            job_name=RECONCILE, cron_schedule="35 2 * * *", execution_timezone=zone, default_status=running
        ),
    ]


def failure_sensor(settings: Settings) -> dg.SensorDefinition:
    """A failed run whose steps opened no alert of their own opens one: its process died, or something broke."""

    @dg.run_failure_sensor(name="failed_runs", default_status=dg.DefaultSensorStatus.RUNNING)
    def failed_runs(context: dg.RunFailureSensorContext) -> None:
        run, ops = context.dagster_run, Ops(settings.data_dir)
        if any(alert.run_id == run.run_id for alert in ops.open_alerts()):
            return
        ops.raise_alert(
            f"run:{run.job_name}",
            "error",
            f"A run of {run.job_name} failed",
            f"Run {run.run_id[:8]}: {context.failure_event.message}",
            datetime.now(UTC),
            run.run_id,
        )

    return failed_runs


def dead_run_sensor(settings: Settings) -> dg.SensorDefinition:
    """A run that was killed together with Dagster's own processes is ended, or no other would ever leave the queue.

    A run holds the state lock from its first step to its last: one that started long ago and is still said to run at
    two looks in a row, while nobody holds the lock, is dead.
    """

    @dg.sensor(name="dead_runs", minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
    def dead_runs(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        instance, long_ago = context.instance, datetime.now(UTC) - _TAKES_THE_LOCK_WITHIN
        started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED], updated_before=long_ago)
        runs = instance.get_runs(filters=started)
        if not runs or not is_state_free(settings.data_dir, "the search for dead runs"):
            return dg.SensorResult(skip_reason="no run is dead", cursor="[]")
        seen_before = json.loads(context.cursor or "[]")
        for run in runs:
            if run.run_id in seen_before:
                instance.report_run_failed(run, "The process of this run ended before the run did.")
                instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        return dg.SensorResult(
            skip_reason=f"{len(runs)} runs seem dead", cursor=json.dumps([run.run_id for run in runs])
        )

    return dead_runs
