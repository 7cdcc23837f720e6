"""A full disk ends in one sentence."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections import namedtuple
from collections.abc import Callable

import pytest

from orchestration import status
from orchestration.settings import Settings
from orchestration.space import is_disk_full, is_short_of_space
from tests.orchestration.conftest import rollbook

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize("command", ["run", "sync", "build"])
def test_a_run_does_not_begin_on_a_disk_that_is_nearly_full(
    configured: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    settings = configured()
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(10**12, 10**12 - 5_000_000, 5_000_000))
    result = rollbook(settings.file, command)
    assert (result.exit_code, "Only 5 MB are free" in result.stderr) == (1, True)
    assert not settings.data_dir.exists()


def test_a_disk_that_fills_up_is_told_in_one_sentence(
    configured: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(status, "status", full)
    result = rollbook(configured().file, "status")
    assert (result.exit_code, result.stderr) == (
        1,
        "The disk is full: free some space and run it again; what was committed stays.\n",
    )


def test_the_cause_of_an_error_counts() -> None:
    error = RuntimeError("the step failed")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert is_disk_full(error)
    assert not is_disk_full(OSError(errno.EACCES, "Permission denied"))


@pytest.mark.parametrize(("free", "is_short"), [(99_000_000, True), (100_000_000, False)])
def test_a_silent_failure_is_put_down_to_the_disk_only_where_it_is_nearly_full(
    configured: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, free: int, is_short: bool
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(10**12, 10**12 - free, free))
    assert is_short_of_space(configured().data_dir) is is_short
