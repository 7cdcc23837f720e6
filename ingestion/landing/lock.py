"""Locks between processes. The operating system frees them when their holder dies; their files are never removed."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingestion.errors import RollbookError
from ingestion.landing.files import PASSAGE_FOLDER, PRIVATE_FILE, disk_errors, make_folder

_POLL_SECONDS = 0.05
_RECORD_BYTES = 4096
_COMMAND_CHARACTERS = 200


class LockedError(RollbookError):
    """Another process, or another part of this one, holds the lock."""


@dataclass(frozen=True)
class LockHolder:
    """Who holds a lock: process id, what it is doing, and since when (UTC, to the second)."""

    pid: int
    command: str
    started_at: str

    def __str__(self) -> str:
        return f"{self.command!r} (process {self.pid}, started {self.started_at})"


class FileLock:
    """An exclusive flock on a file of mode 0600 that names its holder. Taken by the constructor.

    Raises LockedError when it is still held after `wait_seconds`, RollbookError when the file cannot be used. It is
    freed by `release`, by the garbage collector, or by the death of the process. `subject` opens the error's sentence.
    """

    def __init__(self, path: Path, command: str, wait_seconds: float = 0, subject: str = "", advice: str = "") -> None:
        self._owner = os.getpid()
        with disk_errors(f"open the lock {path}"):
            make_folder(path.parent, PASSAGE_FOLDER)
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE), "r+b", buffering=0)
        try:
            if not self._take(wait_seconds):
                holder = _read_holder(self._file.fileno())
                raise LockedError(f"{subject or path.name} is in use by {holder or 'another process'}{advice}.")
            self.holder = LockHolder(self._owner, _one_line(command), f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
            with disk_errors(f"write the lock {path}"):
                os.ftruncate(self._file.fileno(), 0)
                os.pwrite(self._file.fileno(), json.dumps(asdict(self.holder)).encode(), 0)
        except BaseException:
            self._file.close()
            raise

    def release(self) -> None:
        """Free the lock; harmless when it is free. A forked child only lets go of its copy."""
        if self._file.closed:
            return
        if os.getpid() == self._owner:
            with suppress(OSError):
                os.ftruncate(self._file.fileno(), 0)
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._file.close()

    def _take(self, wait_seconds: float) -> bool:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                time.sleep(min(_POLL_SECONDS, left))


@contextmanager
def state_lock(path: Path, command: str, wait_seconds: float = 0) -> Iterator[LockHolder]:
    """Hold the lock of everything that changes state, for as long as the block runs.

    A second taker fails at once, or after `wait_seconds`, with LockedError: one sentence that names the holder's
    command, process id and start time. `command` is shown to others and must hold no secret. A missing parent folder
    is made with mode 0711.
    """
    lock = FileLock(
        path, command, wait_seconds, subject="This data directory", advice="; wait for it to end, or use --wait SECONDS"
    )
    try:
        yield lock.holder
    finally:
        lock.release()


def living_holder(path: Path) -> LockHolder | None:
    """Who holds a lock, judged by the process that its file names, without touching the lock; None when nobody does."""
    try:
        holder = LockHolder(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return holder if _is_alive(holder.pid) else None


def _one_line(command: str) -> str:
    return " ".join(command.split())[:_COMMAND_CHARACTERS]


def _read_holder(descriptor: int) -> LockHolder | None:
    """Who holds the lock. A holder that has not yet named itself shows its dead predecessor: look again."""
    holder = None
    for _ in range(5):
        with suppress(ValueError, TypeError):
            holder = LockHolder(**json.loads(os.pread(descriptor, _RECORD_BYTES, 0)))
            if _is_alive(holder.pid):
                return holder
        time.sleep(0.01)
    return holder


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
