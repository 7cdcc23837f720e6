"""A full disk, told before anything begins where possible, and in one sentence where not."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from ingestion.errors import RollbookError

LEAST_FREE_MEGABYTES = 100
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MARKS = ("disk is full", "No space left", "disk I/O error", "File too large")


def require_space(data_dir: Path) -> None:
    """Raise RollbookError when too little is free for any run to end well; nothing has begun then."""
    place, free = _free_megabytes(data_dir)
    if free < LEAST_FREE_MEGABYTES:
        raise RollbookError(f"Only {free} MB are free at {place}: free some space, at least {LEAST_FREE_MEGABYTES} MB.")


def is_short_of_space(data_dir: Path) -> bool:
    """Whether so little is free that a run which failed without a word of its own probably failed for that."""
    return _free_megabytes(data_dir)[1] < LEAST_FREE_MEGABYTES


def _free_megabytes(data_dir: Path) -> tuple[Path, int]:
    place = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    return place, shutil.disk_usage(place).free // 1_000_000


def is_disk_full(error: BaseException) -> bool:
    """Whether this error, or one that it came from, says that the disk is full."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        if any(mark in str(seen) for mark in _MARKS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
