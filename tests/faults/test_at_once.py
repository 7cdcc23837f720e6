"""A slow source, a second runner, a rollback and readers, all at once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.days import LAST_DAY
from tests.faults.process import TIMEOUT_SECONDS, Command, Pause
from tests.faults.reader import Reader
from tests.faults.school import School, differing_marts, undisturbed

pytestmark = pytest.mark.slow

CleanRelease = Callable[[int], Path]


def slow_run(school: School) -> tuple[Command, Path]:
    """A run that stands in the middle of its source's read until the file returned exists."""
    reached, go = school.folder / "reached", school.folder / "go"
    pause = Pause("ingestion.moodle.databases.sqlite:SQLiteSnapshot.read", reached, go, nth=20)
    running = school.start("run", changes=[pause])
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not reached.exists():
        assert running.is_running
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return running, go


def test_no_update_is_lost_and_no_reader_disturbed(school: School, clean_release: CleanRelease) -> None:
    school.pass_days(1)
    with Reader(school.data / "published") as reader:
        slow, go = slow_run(school)
        with undisturbed(school):
            for command in (["run"], ["sync"], ["build"], ["release", "--resume"], ["rollback", "1"]):
                refused = school.run(*command, expect=1)
                assert re.fullmatch(
                    rf"This data directory is in use by 'rollbook run' \(process {slow.pid}, started "
                    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\); wait for it to end, or use --wait SECONDS\.\n",
                    refused.stderr,
                )
        assert school.run("run", "--wait", "0.2", expect=1).stderr.startswith("This data directory is in use")
        assert slow.is_running
        school.pass_days(LAST_DAY)
        waiting = [school.start(*command, "--wait", str(TIMEOUT_SECONDS)) for command in (["run"], ["rollback", "1"])]
        go.touch()
        results = [command.result() for command in (slow, *waiting)]
        assert [result.exit_code for result in results] == [0, 0, 0], results
        newest = school.live
        school.run("release", "--resume")
    assert reader.seen == sorted(reader.seen)
    # The slow run read one moment, although the source moved on under its hands.
    assert differing_marts(school.releases.path(2) / "rollbook.duckdb", clean_release(1)) == []
    # The rollback came before or after the run that waited too; its content was live either way, and then the newest.
    again = [i for i in school.releases.ids() if school.releases.manifest(i)["rolled_back_to"] == 1]
    assert again == [newest]
    assert school.live == newest + 1
    assert differing_marts(school.releases.path(newest + 1) / "rollbook.duckdb", clean_release(LAST_DAY)) == []
    assert school.followed()
    assert school.remains() == []
    assert set(school.runs()) == {"SUCCESS"}


def test_who_waits_goes_on_when_the_holder_is_killed(school: School) -> None:
    slow, _ = slow_run(school)
    waiting = school.start("run", "--wait", str(TIMEOUT_SECONDS))
    slow.kill()
    assert slow.result().exit_code == -9
    assert waiting.result().exit_code == 0
    assert school.runs() == ["SUCCESS", "FAILURE", "SUCCESS"]
    assert (school.live, school.remains()) == (1, [])
