"""The Dagster instance of a data directory: where runs, events and schedules are kept."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.landing import make_folder, write_atomically
from orchestration.settings import CONFIG_VARIABLE, Settings

if TYPE_CHECKING:
    import dagster as dg

PID_TAG = "rollbook/process"
WAREHOUSE_POOL = "warehouse"
RUNS_KEPT = timedelta(days=30)
_FORGOTTEN_AT_ONCE = 5
_CONFIG = """\
# Written by Rollbook when it was absent; change what you like.
telemetry:
  enabled: false
nux:
  enabled: false
# One writer at a time: the warehouse is one file.
concurrency:
  runs:
    max_concurrent_runs: 1
  pools:
    default_limit: 1
run_monitoring:
  enabled: true
  free_slots_after_run_end_seconds: 30
event_log_storage:
  module: orchestration.event_log
  class: EventLog
  config:
    base_dir:
      env: DAGSTER_HOME
# Steps tell what they do in the event log; nothing of theirs goes to stdout.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


def prepare_home(settings: Settings) -> Path:
    """Make DAGSTER_HOME and its dagster.yaml where absent; name it and the configuration to child processes."""
    home = settings.dagster_home
    make_folder(home)
    config = home / "dagster.yaml"
    if not config.exists():
        # Half of it would be taken for a choice, and Dagster's own defaults for the rest.
        write_atomically(config, _CONFIG.encode())
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ[CONFIG_VARIABLE] = str(settings.file)
    return home


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The instance, without runs that only look alive: call it while holding the state lock.

    A run that a command started dies with its process; what it left behind (its status, its place in the pool) would
    otherwise stay for ever. It held the lock that the caller holds now, so it has ended: no need to look for its
    process, whose number another one may have got.
    """
    import dagster as dg

    instance = dg.DagsterInstance.from_config(str(prepare_home(settings)))
    unfinished = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED]
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=unfinished)):
        if PID_TAG in run.tags:
            instance.report_run_failed(run, "The process of this run ended before the run did.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return instance


def forget_old_runs(instance: dg.DagsterInstance, now: datetime) -> None:
    """Delete a few of the runs that ended long ago; each call makes more room than one run takes."""
    import dagster as dg

    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    old = dg.RunsFilter(statuses=ended, created_before=now - RUNS_KEPT)
    for run in instance.get_runs(filters=old, limit=_FORGOTTEN_AT_ONCE, ascending=True):
        instance.delete_run(run.run_id)
