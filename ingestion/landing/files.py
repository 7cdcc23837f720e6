"""Files that survive a power cut: written beside, fsynced, renamed; hashed while they are written."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ingestion.errors import RollbookError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
# A folder above the private ones has to let readers through to what is published, but not list it.
PASSAGE_FOLDER = 0o711

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_BYTES = 1 << 20


@contextmanager
def disk_errors(doing: str) -> Iterator[None]:
    """Turn an OSError into a RollbookError of one sentence; `doing` completes "could not ..."."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise RollbookError(f"Could not {doing}: the disk is full ({error.strerror}); free some space.") from error
        raise RollbookError(f"Could not {doing}: {error.strerror or error}.") from error


def fsync_folder(path: Path) -> None:
    """Make the names in a folder (files made, renamed or removed) survive a power cut. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path, mode: int = PRIVATE_FOLDER) -> None:
    """Make a folder durably, of exactly this mode; one that is there stays as it is.

    Missing parents are made with mode 0711: let through, not listed. Raises OSError.
    """
    if path.is_dir():
        return
    if not path.parent.is_dir():
        make_folder(path.parent, PASSAGE_FOLDER)
    with suppress(FileExistsError):
        path.mkdir(mode)
        path.chmod(mode)
    fsync_folder(path.parent)


def write_atomically(path: Path, data: bytes, mode: int = PRIVATE_FILE) -> None:
    """Put `data` at `path`: a reader, and a restart after a crash, sees the old file or the whole new one.

    The data and the name are on the disk on return. Raises OSError; then the old file stands and no remains do, except
    when only the fsync of the folder failed: then the new file stands. One process writes a file at a time; a draft
    that a killed one left is written over.
    """
    draft = path.with_name(f"{path.name}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        try:
            os.fchmod(descriptor, mode)
            _write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    fsync_folder(path.parent)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


class HashedFile:
    """A new file of mode 0600, written once from start to end; `sha256` and `bytes` are those of what was written.

    It is a Python file object as far as a Parquet writer needs one. Raises FileExistsError rather than replace a file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        self._digest = hashlib.sha256()
        self._discards = False
        self.bytes = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    @property
    def closed(self) -> bool:
        return self._descriptor is None and not self._discards

    def write(self, data: bytes | memoryview) -> int:
        view = memoryview(data).cast("B")
        if not self._discards:
            if self._descriptor is None:
                raise ValueError(f"{self.path.name} is closed")
            _write_all(self._descriptor, view)
            self._digest.update(view)
            self.bytes += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Close after the last byte is on the disk. Raises OSError."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)
            self._release()

    def discard(self) -> None:
        """Remove the file as far as the disk lets. Later writes go nowhere: a dropped Parquet writer ends its file."""
        self._discards = True
        with suppress(OSError):
            self._release()
        with suppress(OSError):
            self.path.unlink()

    def _release(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
