"""Durable file operations: what these functions have finished survives a power cut and is seen whole or not at all."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from serving.errors import ServingError

OPEN_FOLDER, OPEN_FILE = 0o755, 0o644
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600


def fsync(path: Path) -> None:
    """Flush a file's content, or a folder's entries, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def make_folder(path: Path, mode: int) -> None:
    """Create the folder (and its parents) where absent, and give it exactly this mode."""
    path.mkdir(parents=True, exist_ok=True)
    if path.stat().st_mode & 0o7777 != mode:
        path.chmod(mode)


def write_durably(path: Path, data: bytes, mode: int) -> None:
    """Write a new file that nobody reads yet and flush it."""
    with path.open("wb") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def write_atomically(path: Path, data: bytes, mode: int) -> None:
    """Replace `path` in one step: a reader sees the old content or the new one, also across a crash.

    One process writes it at a time. A draft that a killed one left is written over by the next.
    """
    draft = path.with_name(f".{path.name}.tmp")
    try:
        write_durably(draft, data, mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    fsync(path.parent)


def point_link(link: Path, target: str, drafts: Path) -> None:
    """Make the symbolic link `link` point at `target` in one step; the draft is made in `drafts`, on the same disk."""
    draft = drafts / link.name
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(link)
    fsync(link.parent)


def share_file(source: Path, target: Path) -> None:
    """Hard-link `source` as `target`; a disk without hard links gets a flushed copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        target.chmod(OPEN_FILE)
        fsync(target)


def to_json(value: Mapping[str, Any]) -> bytes:
    """Readable JSON; times as ISO 8601 in UTC, decimals and paths as text."""
    return (json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n").encode()


def _plain(value: object) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


@contextmanager
def only_publisher(folder: Path) -> Iterator[None]:
    """Hold the publishers' lock on `folder`; the system frees it when its holder dies. Refuses at once when held."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServingError("Another process is publishing a release here: wait until it has finished.") from None
        yield
    finally:
        os.close(handle)
