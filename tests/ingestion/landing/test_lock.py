"""The state lock: one holder, named to the others, free when it dies."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion.errors import RollbookError
from ingestion.landing import LockedError, state_lock

HOLDER = """
import sys, time
from pathlib import Path
from ingestion.landing import state_lock

with state_lock(Path(sys.argv[1]), "rollbook run --source campus"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""

# Holds the lock, forks a child that leaves the block and dies, and goes on holding it.
FORKER = """
import os, sys, time
from pathlib import Path
from ingestion.landing import state_lock

pid = None
with state_lock(Path(sys.argv[1]), "rollbook build"):
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        print("held", flush=True)
        time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "state.lock"


def wait_until_held(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "held"


def test_a_second_taker_fails_at_once_and_is_told_who_holds_it(
    path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    holder = start(HOLDER, path, 600)
    wait_until_held(holder)
    began = time.monotonic()
    with pytest.raises(LockedError) as error, state_lock(path, "rollbook sync"):
        pass
    assert time.monotonic() - began < 1
    assert re.fullmatch(
        rf"This data directory is in use by 'rollbook run --source campus' \(process {holder.pid}, "
        r"started \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\); wait for it to end, or use --wait SECONDS\.",
        str(error.value),
    )
    assert isinstance(error.value, RollbookError)


def test_the_lock_is_free_when_its_holder_is_killed(path: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    holder = start(HOLDER, path, 600)
    wait_until_held(holder)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with state_lock(path, "rollbook sync") as mine:
        assert mine.pid == os.getpid()
        with pytest.raises(LockedError, match=f"'rollbook sync' .process {os.getpid()},"), state_lock(path, "another"):
            pass


def test_a_waiter_gets_the_lock_when_it_is_freed(path: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    wait_until_held(start(HOLDER, path, 0.4))
    began = time.monotonic()
    with state_lock(path, "rollbook sync", wait_seconds=30):
        assert time.monotonic() - began < 10


def test_a_waiter_gives_up_after_its_time(path: Path) -> None:
    with state_lock(path, "rollbook run"):
        began = time.monotonic()
        with pytest.raises(LockedError, match="'rollbook run'"), state_lock(path, "rollbook sync", wait_seconds=0.2):
            pass
        assert 0.2 <= time.monotonic() - began < 2


def test_the_lock_is_free_after_the_block_and_after_its_failure(path: Path) -> None:
    for _ in range(3):
        with pytest.raises(KeyError), state_lock(path, "rollbook run"):
            raise KeyError
    with state_lock(path, "rollbook run"):
        pass


def test_a_forked_child_that_ends_does_not_free_the_lock(
    path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    wait_until_held(start(FORKER, path))
    with pytest.raises(LockedError, match="'rollbook build'"), state_lock(path, "rollbook sync"):
        pass


def test_the_lock_holds_between_threads(path: Path) -> None:
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        with state_lock(path, "rollbook sync", wait_seconds=30):
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.005)
            with guard:
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"pid": "x", "command": 1, "started_at": null}', b"\xff"]
)
def test_a_lock_file_with_any_content_can_be_taken_and_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with state_lock(path, "rollbook run"):
        path.write_bytes(content)
        with pytest.raises(LockedError, match="This data directory is in use by"), state_lock(path, "rollbook sync"):
            pass


def test_a_dead_predecessor_is_not_named_as_the_holder(
    path: Path, start: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = start(HOLDER, path, 600)
    wait_until_held(holder)
    content = path.read_bytes()
    dead = subprocess.Popen(["true"])
    dead.wait()
    path.write_bytes(content.replace(str(holder.pid).encode(), str(dead.pid).encode()))
    monkeypatch.setattr("ingestion.landing.lock.time.sleep", lambda _: path.write_bytes(content))
    with pytest.raises(LockedError, match=f"process {holder.pid},"), state_lock(path, "rollbook sync"):
        pass


def test_a_command_of_many_lines_is_told_in_one(path: Path) -> None:
    with state_lock(path, "rollbook query\n select 1\t" + "x" * 1000) as holder:
        assert holder.command.startswith("rollbook query select 1 xxx")
        assert len(holder.command) == 200
        with pytest.raises(LockedError) as error, state_lock(path, "b"):
            pass
        assert "\n" not in str(error.value)


def test_the_lock_file_is_private_and_its_folder_lets_through(path: Path) -> None:
    with state_lock(path, "rollbook run"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o711


def test_a_lock_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RollbookError, match=r"Could not open the lock .*state\.lock: "),
        state_lock(tmp_path / "file" / "state.lock", "rollbook run"),
    ):
        pass
