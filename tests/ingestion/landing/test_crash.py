"""Kill -9, a full disk, two writers at once."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingestion.errors import RollbookError
from ingestion.landing import Batch, Landing, Manifest, write_atomically

AT = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)

# Writes batches of 3 row groups for ever; sleeps, having said so, at the stage named by the second argument.
WRITER = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
import polars as pl
from ingestion.landing import Landing, batch as batch_module

root, stage = Path(sys.argv[1]), sys.argv[2]
batch_module.ROW_GROUP_ROWS = 1000
rows = pl.DataFrame({"id": range(1000)})
now = datetime.now(UTC)

def halt(name):
    if stage == name:
        print(name, flush=True)
        time.sleep(600)

replace, fsync = os.replace, os.fsync
def halting_replace(*names):
    halt("before the rename")
    replace(*names)
    halt("after the rename")
os.replace = halting_replace

landing = Landing(root)
while True:
    with landing.begin("campus", "moodle", "full", "r", {}, now) as batch:
        batch.open_stream("grades", {"id": pl.Int64()})
        for _ in range(3):
            batch.append("grades", rows)
            halt("between row groups")
        batch.count("grades", received=3000, accepted=3000)
        batch.commit(now, {"id": batch.id})
    print(batch.id, flush=True)
"""


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize(
    ("stage", "committed", "swept"),
    [("between row groups", 0, 1), ("before the rename", 0, 2), ("after the rename", 1, 0)],
)
def test_a_writer_killed_in_mid_batch_leaves_all_or_nothing(
    landing: Landing,
    commit: Callable[..., Manifest],
    start: Callable[..., subprocess.Popen[str]],
    stage: str,
    committed: int,
    swept: int,
) -> None:
    commit()
    writer = start(WRITER, landing.root, stage)
    assert writer.stdout is not None
    assert writer.stdout.readline().strip() == stage
    assert landing.path("campus", "grades", 2).exists()
    kill(writer)

    assert landing.batch_ids("campus") == [1, 2][: 1 + committed]
    assert len(landing.sweep("campus")) == swept
    assert list(landing.root.rglob("*.tmp")) == []
    manifest = commit()
    assert manifest.batch_id == 2 + committed
    assert [landing.verify("campus", batch_id) for batch_id in landing.batch_ids("campus")] == [[]] * manifest.batch_id


def test_a_writer_killed_at_any_moment_loses_nothing_that_was_committed(
    landing: Landing, start: Callable[..., subprocess.Popen[str]]
) -> None:
    done = 0
    for delay in (0.0, 0.013, 0.031, 0.058):
        writer = start(WRITER, landing.root, "never")
        assert writer.stdout is not None
        done = int(writer.stdout.readline())
        time.sleep(delay)
        kill(writer)
        done = max([done, *(int(line) for line in writer.stdout.read().splitlines() if line)])
        ids = landing.batch_ids("campus")
        assert ids == list(range(1, len(ids) + 1))
        assert len(ids) >= done
        assert [fault for batch_id in ids for fault in landing.verify("campus", batch_id)] == []
        landing.sweep("campus")
        assert len(list(landing.root.rglob("*.parquet"))) == len(ids)


RACER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
import polars as pl
from ingestion.landing import Landing, LockedError

landing, now, name, left = Landing(Path(sys.argv[1])), datetime.now(UTC), sys.argv[2], 8
while left:
    try:
        with landing.begin("campus", "moodle", "full", "r", {}, now) as batch:
            batch.open_stream("grades", {"racer": pl.String()})
            batch.append("grades", pl.DataFrame({"racer": [name]}))
            batch.count("grades", received=1, accepted=1)
            batch.commit(now, {"racer": name})
        left -= 1
    except LockedError:
        time.sleep(0.001)
"""


def test_racing_writers_share_one_sequence_and_lose_no_batch(
    landing: Landing, start: Callable[..., subprocess.Popen[str]]
) -> None:
    racers = [start(RACER, landing.root, name) for name in "abc"]
    assert [(racer.communicate()[1], racer.returncode) for racer in racers] == [("", 0)] * 3
    manifests = list(landing.manifests("campus"))
    assert [m.batch_id for m in manifests] == list(range(1, 25))
    assert sorted(m.cursor_after["racer"] for m in manifests) == sorted("abc" * 8)
    assert [fault for m in manifests for fault in landing.verify("campus", m.batch_id)] == []
    rows = pl.concat(pl.read_parquet(path) for m in manifests for path in landing.files("campus", m.batch_id).values())
    assert rows["racer"].to_list() == [m.cursor_after["racer"] for m in manifests]


SYSTEM_CALLS = ("write", "fsync", "open", "mkdir", "replace")


class FailingDisk:
    """Counts the system calls that change the disk; the n-th fails as a full disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails_at: int) -> None:
        self.calls = 0
        self.last = ""
        for name in SYSTEM_CALLS:
            monkeypatch.setattr(os, name, self._counting(name, getattr(os, name), fails_at))

    def _counting(self, name: str, call: Callable[..., Any], fails_at: int) -> Callable[..., Any]:
        def counting(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == fails_at:
                self.last = name
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*arguments, **options)

        return counting


def test_a_disk_that_is_full_at_any_step_ends_in_one_sentence_and_no_remains(
    tmp_path: Path, grades: Callable[..., pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.landing.batch.ROW_GROUP_ROWS", 4)

    def write(landing: Landing) -> None:
        with landing.begin("campus", "moodle", "full", "r", {}, AT) as batch:
            for stream in ("grades", "quiz"):
                batch.open_stream(stream, dict(grades(0).schema))
                batch.append(stream, grades(5))
                batch.append(stream, grades(2))
                batch.count(stream, received=7, accepted=7)
            batch.commit(AT, {})

    outcomes = []
    for step in range(1, 1000):
        landing = Landing(tmp_path / str(step) / "landing")
        with monkeypatch.context() as patch:
            disk = FailingDisk(patch, step)
            try:
                write(landing)
            except RollbookError as error:
                outcomes.append((disk.last, str(error)))
            else:
                assert disk.calls < step
                break
        if "is committed, but the disk did not confirm it" in outcomes[-1][1]:
            assert landing.batch_ids("campus") == [1]
            assert landing.verify("campus", 1) == []
            continue
        assert "the disk is full (No space left on device); free some space." in outcomes[-1][1]
        assert landing.batch_ids("campus") == []
        assert [p for p in landing.root.rglob("*") if p.is_file() and p.name != "writer.lock"] == []
        write(landing)
        assert landing.verify("campus", 1) == []
    assert {call for call, _ in outcomes} == set(SYSTEM_CALLS)
    # After the rename only the fsync of its folder is left: opening it and the call itself.
    last = len(outcomes)
    assert [step for step, (_, text) in enumerate(outcomes, 1) if "is committed" in text] == [last - 1, last]


def test_the_commit_is_renamed_after_everything_it_names_is_on_the_disk(
    landing: Landing, begin: Callable[..., Batch], grades: Callable[..., pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def told_fsync(descriptor: int) -> None:
        inode = os.fstat(descriptor).st_ino
        (path,) = (path for path in landing.root.rglob("*") if path.stat().st_ino == inode)
        steps.append(f"fsync {path.relative_to(landing.root)}")
        fsync(descriptor)

    def told_replace(name: Path, target: Path) -> None:
        steps.append(f"rename to {target.name}")
        replace(name, target)

    with begin() as batch:
        batch.append("grades", grades(3))
        batch.count("grades", received=3, accepted=3)
        monkeypatch.setattr(os, "fsync", told_fsync)
        monkeypatch.setattr(os, "replace", told_replace)
        batch.commit(AT, {})
    steps = [step if ".tmp" not in step else "fsync the manifest" for step in steps]
    assert steps == [
        "fsync campus",  # the name of the stream's folder
        "fsync campus/grades/00000001.parquet",
        "fsync campus/grades",
        "fsync the manifest",
        "rename to 00000001.json",
        "fsync campus/_batches",
    ]


FULL_DISK = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
import polars as pl
from ingestion.errors import RollbookError
from ingestion.landing import Landing, batch as batch_module

batch_module.ROW_GROUP_ROWS = 10_000
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
now = datetime.now(UTC)
try:
    with Landing(Path(sys.argv[1])).begin("campus", "moodle", "full", "r", {}, now) as batch:
        batch.open_stream("grades", {"id": pl.Int64()})
        for part in range(100):
            batch.append("grades", pl.DataFrame({"id": pl.Series(range(10_000)).hash().reinterpret(signed=True)}))
except RollbookError as error:
    print(part, error)
"""


def test_a_file_the_kernel_lets_grow_no_further_ends_in_one_sentence(
    landing: Landing, start: Callable[..., subprocess.Popen[str]]
) -> None:
    out, err = start(FULL_DISK, landing.root).communicate()
    assert err == ""
    part, _, sentence = out.strip().partition(" ")
    assert int(part) > 0
    assert sentence.startswith("Could not write batch 1 of source campus: the disk is full (File too large)")
    assert [p.name for p in landing.root.rglob("*") if p.is_file()] == ["writer.lock"]


def test_after_a_disk_error_the_batch_is_over(
    begin: Callable[..., Batch], grades: Callable[..., pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.landing.batch.ROW_GROUP_ROWS", 2)
    with begin() as batch:
        with monkeypatch.context() as patch:
            FailingDisk(patch, 3)
            with pytest.raises(RollbookError, match="disk is full"):
                batch.append("grades", grades(5))
        with pytest.raises(RuntimeError, match="is over"):
            batch.commit(AT, {})


def test_a_half_written_replacement_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "status.json"
    write_atomically(path, b"old")
    for step in (1, 2, 3, 4):
        with monkeypatch.context() as patch:
            FailingDisk(patch, step)
            with pytest.raises(OSError, match="No space left"):
                write_atomically(path, b"new")
        assert path.read_bytes() == b"old"
        assert [p.name for p in tmp_path.iterdir()] == ["status.json"]
    write_atomically(path, b"new", mode=0o644)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644


MEMORY = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
import polars as pl
from ingestion.landing import Landing

now = datetime.now(UTC)
def page():
    return pl.DataFrame({"id": range(10_000)}).with_columns(raw=pl.lit("x" * 1000) + pl.col("id").cast(pl.String))
with Landing(Path(sys.argv[1])).begin("lrs", "xapi", "full", "r", {}, now) as batch:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    streams = [f"stream{number}" for number in range(30)]
    for stream in streams:
        batch.open_stream(stream, dict(page().schema))
    for turn in range(5):
        for stream in streams:
            batch.append(stream, page())
            batch.count(stream, received=10_000, accepted=10_000)
    batch.commit(now, {})
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_stays_bounded_over_many_streams(landing: Landing, start: Callable[..., subprocess.Popen[str]]) -> None:
    """1.5 GB of rows, 50 MB in each of 30 streams: no stream fills a row group, all hold more than a batch may."""
    out, err = start(MEMORY, landing.root).communicate()
    assert err == ""
    assert int(out) < 600
    assert landing.verify("lrs", 1) == []
