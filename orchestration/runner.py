"""Run a Dagster job to its end in this process, and say in sentences what became of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestration.locking import holding_state
from orchestration.ops import Ops, SyncRun
from orchestration.pseudonyms import pseudonym_key
from orchestration.settings import Settings
from orchestration.space import is_short_of_space

if TYPE_CHECKING:
    import dagster as dg

# By this Dagster's UI counts a run among those of a loaded job.
_REPOSITORY_TAG = {".dagster/repository": "__repository__@orchestration.definitions"}


@dataclass(frozen=True)
class Outcome:
    """`exit_code` is that of the command line; `complaints` are sentences, empty on success."""

    run_id: str
    exit_code: int
    complaints: list[str] = field(default_factory=list)


def run_job(
    settings: Settings, job: str, *, command: str, wait_seconds: float = 0, land: Mapping[str, Any] | None = None
) -> Outcome:
    """Execute a job as its schedule would. `land` configures the landing step (`LandConfig`).

    The run is visible in the UI of this data directory. Raises LockedError at once, before anything heavy is loaded,
    when another process holds the state lock for longer than `wait_seconds`, and UsageError before anything begins when
    a job that lands or loads finds the pseudonym key lost.
    """
    with holding_state(settings.data_dir, command, wait_seconds):
        if land is not None:
            pseudonym_key(settings)
        from orchestration.assets.runs import COMMAND_TAG
        from orchestration.definitions import define
        from orchestration.instance import PID_TAG, open_instance

        definitions = define(settings)
        with open_instance(settings) as instance:
            result = definitions.resolve_job_def(job).execute_in_process(
                instance=instance,
                raise_on_error=False,
                tags={**_REPOSITORY_TAG, COMMAND_TAG: command, PID_TAG: str(os.getpid())},
                run_config={
                    **({} if land is None else {"ops": {"land": {"config": _given(land)}}}),
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
            )
        return _outcome(settings, result)


def _given(land: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in land.items() if value}


def sync_exit_code(runs: list[SyncRun]) -> int:
    """1 when a source failed, 2 when none could even be tried because of how it is configured."""
    failed = [run for run in runs if run.status == "failed"]
    if not failed:
        return 0
    untried = all(run.error_kind == "usage" for run in failed) and len(failed) == len(runs)
    return 2 if untried else 1


def _outcome(settings: Settings, result: dg.ExecuteInProcessResult) -> Outcome:
    from orchestration.steps import blocked_sentence

    ops = Ops(settings.data_dir)
    runs = ops.syncs_of(result.run_id)
    complaints = [run.error for run in runs if run.error]
    blocking = [row for row in ops.results_of(result.run_id) if row["blocks"] and row["stage"] == "audit"]
    if blocking:
        complaints.append(blocked_sentence(blocking))
    complaints += [said for event in result.all_events if (said := _failure(event)) and said not in complaints]
    if result.success and not complaints:
        return Outcome(result.run_id, 0)
    if not complaints and is_short_of_space(settings.data_dir):
        # A full disk loses the event that would have told it.
        complaints.append("The disk is full: free some space, then run it again; what was committed stays.")
    if not complaints:
        complaints.append(f"Run {result.run_id[:8]} failed; the Dagster UI shows where.")
    only_syncs = len(complaints) == len([run for run in runs if run.error])
    return Outcome(result.run_id, sync_exit_code(runs) if only_syncs and runs else 1, complaints)


def _failure(event: dg.DagsterEvent) -> str | None:
    """The sentence of a failed step; a failed blocking check has told its own already."""
    if not event.is_step_failure:
        return None
    told = event.step_failure_data.user_failure_data
    if told is not None and told.description:
        return told.description
    error = event.step_failure_data.error
    if error is None or error.cls_name == "DagsterAssetCheckFailedError":
        return None
    return error.message.strip().splitlines()[0]
