"""Kill -9 while dbt builds, while the audit judges, while a release is written and while it goes live."""

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
LEDGER = "tests.faults.process:WatchedConnection.executemany"
RENAME = "pathlib:Path.replace"


def test_a_run_killed_in_the_middle_of_dbt_is_built_again(school: School, clean_release: CleanRelease) -> None:
    school.pass_days(1)
    dies(school, by=[Death(SQL, r"insert\s+into\s+\S*fct_attempts", after=True)])
    heals(school, clean_release(1), runs="F")


def test_runs_killed_on_the_way_to_a_release_leave_one_whole_release_live(
    school: School, clean_release: CleanRelease
) -> None:
    """Each death is further on: the audit, its results, the release's files, its place, the link, the release log."""
    school.pass_days(1)
    dies(school, by=[Death("serving.audit.suites:check_laws")])
    dies(school, "audit", by=[watch_ledger, Death(LEDGER, "insert into findings", after=True)])
    school.run("release", expect=1)
    school.run("audit")
    dies(school, "release", by=[Death(SQL, "checkpoint .*next_release")])
    dies(school, "release", by=[Death("pathlib:Path.rename", "staging/release")])
    dies(school, "release", by=[Death(RENAME, "published/current")])
    assert {"published/.staging", "published/releases/00000002", "restricted/00000002"} <= set(school.remains())
    dies(school, "release", by=[Death(RENAME, "published/current", after=True)], live=2)
    dies(school, "release", by=[Death(RENAME, "ops/releases.json")], live=2)
    heals(school, clean_release(1), runs="FFFSFFFFF")
