"""Kill -9 while a source is read, while a batch is committed, and while the warehouse takes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.process import Death, watch_ledger
from tests.faults.school import School
from tests.faults.stories import dies, heals

pytestmark = pytest.mark.slow

CleanRelease = Callable[[int], Path]
SQL = "duckdb:DuckDBPyConnection.execute"
LEDGER = "tests.faults.process:WatchedConnection.execute"
RENAME = "pathlib:Path.replace"


def test_runs_killed_before_a_batch_is_committed_leave_nothing_of_it(
    school: School, clean_release: CleanRelease
) -> None:
    school.pass_days(1)
    dies(school, by=[Death("ingestion.landing.batch:Batch.append", nth=30)])
    dies(school, by=[Death(RENAME, "_batches/00000002.json")])
    assert school.landing.batch_ids("campus") == [1]
    assert len(school.remains()) > 1
    heals(school, clean_release(1), runs="FF")
    assert school.landing.batch_ids("campus")[:2] == [1, 2]


def test_runs_killed_after_a_batch_is_committed_lose_and_repeat_nothing_of_it(
    school: School, clean_release: CleanRelease
) -> None:
    """Each run dies further on: the side file, the ledger, the warehouse in and after its transaction, the ledger."""
    school.pass_days(1)
    dies(school, by=[Death(RENAME, "_batches/00000002.json", after=True)])
    assert school.landing.batch_ids("campus") == [1, 2]
    dies(school, by=[Death("ingestion.key_state:KeyStates.save", after=True)])
    dies(school, by=[watch_ledger, Death(LEDGER, "update sync_runs set .*where id", after=True)])
    dies(school, by=[Death(SQL, "insert into history.moodle_quiz_attempts", after=True)])
    dies(school, by=[Death("orchestration.ops:Ops.set_fact", "build_due", nth=2)])
    dies(school, by=[watch_ledger, Death(LEDGER, "facts values.*'applied'", after=True)])
    heals(school, clean_release(1), runs="FFFFFF")
    landed = [entry.rows for m in school.landing.manifests("campus", after=1) for entry in m.streams.values()]
    assert sum(landed) == 22


def test_a_run_killed_while_it_writes_the_status_leaves_the_former_one(
    school: School, clean_release: CleanRelease
) -> None:
    before = school.status_file.read_bytes()
    dies(school, by=[Death(RENAME, "published/status.json")])
    assert school.status_file.read_bytes() == before
    heals(school, clean_release(0), runs="F", live=1)
    assert school.status_file.read_bytes() != before
