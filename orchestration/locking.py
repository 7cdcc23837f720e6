"""The state lock, taken once a process: a command and the Dagster run that it starts hold it together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingestion.landing import LockedError, living_holder, state_lock

_held: set[Path] = set()


@contextmanager
def holding_state(data_dir: Path, command: str, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the lock of everything that changes state; what this process already holds, it holds on.

    Raises LockedError, naming the holder, when another process still has it after `wait_seconds`.
    """
    path = _lock_of(data_dir)
    if path in _held:
        yield
        return
    with state_lock(path, command, wait_seconds):
        _held.add(path)
        try:
            yield
        finally:
            _held.discard(path)


def is_state_held(data_dir: Path) -> bool:
    """Whether some process changes state now, judged by the process that the lock names; nothing is touched."""
    return living_holder(_lock_of(data_dir)) is not None


def is_state_free(data_dir: Path, who: str) -> bool:
    """Whether no process at all holds the state lock, proved by holding it for a moment as `who`."""
    try:
        with holding_state(data_dir, who):
            return True
    except LockedError:
        return False


def _lock_of(data_dir: Path) -> Path:
    return data_dir / "state.lock"
