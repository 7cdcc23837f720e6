"""What all steps of a Dagster run share: the state lock, and errors that end in one sentence."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from ingestion.errors import RollbookError
from orchestration import progress
from orchestration.locking import holding_state
from orchestration.secrets import redact
from orchestration.settings import Settings
from orchestration.space import is_disk_full, require_space
from orchestration.status import write as write_status
from serving.errors import ServingError

STATE = "state"
COMMAND_TAG = "rollbook/command"
_WAIT_SECONDS = 900


class StateLock(dg.ConfigurableResource):
    """Holds the state lock from the first step of a run to its last.

    A run that a schedule or the UI started waits a quarter of an hour for a command to end.
    """

    data_dir: str

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["StateLock"]:
        run = context.run
        require_space(Path(self.data_dir))
        command = f"Dagster run {run.run_id[:8]} of {run.job_name}" if run else "Dagster"
        with holding_state(Path(self.data_dir), command, _WAIT_SECONDS):
            yield self


class _RunLog(progress.LogProgress):
    """Progress of a run that no command watches, in the run's own log."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def note(self, text: str) -> None:
        self._log.info(text)


@contextmanager
def step(settings: Settings, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Iterator[None]:
    """Run a step: what it raises becomes one sentence without secrets, and status.json is rewritten."""
    watched = COMMAND_TAG in context.run.tags
    try:
        with progress.telling(progress.current() if watched else _RunLog(context.log)):
            yield
    except (dg.RetryRequested, dg.Failure):
        write_status(settings)
        raise
    except (RollbookError, ServingError) as error:
        write_status(settings)
        raise dg.Failure(redact(str(error)), allow_retries=False) from None
    except Exception as error:
        if is_disk_full(error):
            raise dg.Failure(
                "The disk is full: free some space, then run this job again.", allow_retries=False
            ) from None
        write_status(settings)
        trace = redact("".join(traceback.format_exception(error)))
        first = redact(str(error).strip().splitlines()[0] if str(error).strip() else "")
        raise dg.Failure(
            f"{type(error).__name__}: {first}".rstrip(": "),
            metadata={"traceback": dg.MetadataValue.md(f"```\n{trace}\n```")},
            allow_retries=False,
        ) from None
