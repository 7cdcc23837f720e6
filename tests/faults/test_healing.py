"""What is lost or damaged and can be made again is made again by the next run, which says so; the rest is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.faults.process import Death, Replaced
from tests.faults.school import School, differing_marts, undisturbed

pytestmark = pytest.mark.slow

CleanRelease = Callable[[int], Path]
Damage = Callable[[School], object]


def torn(folder: Path, pattern: str = "*") -> None:
    """Every file in a folder ends in its middle."""
    files = [path for path in folder.rglob(pattern) if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


SIDE_DAMAGES: dict[str, Damage] = {
    "the side files are lost": lambda school: shutil.rmtree(school.data / "state"),
    "the side files are torn": lambda school: torn(school.data / "state"),
    "dbt's folder is lost": lambda school: shutil.rmtree(school.data / "dbt"),
    "dbt's manifest is torn": lambda school: torn(school.data / "dbt" / "target"),
    "Dagster's home is lost": lambda school: shutil.rmtree(school.data / "dagster"),
    "Dagster's home is half made": lambda school: (
        shutil.rmtree(school.data / "dagster"),
        school.kill(changes=[Death("pathlib:Path.replace", "dagster.yaml")]),
    ),
    "the status is lost": lambda school: school.status_file.unlink(),
}


@pytest.mark.parametrize("damage", SIDE_DAMAGES)
def test_what_only_helps_is_made_again_in_passing(school: School, damage: str) -> None:
    SIDE_DAMAGES[damage](school)
    school.run()
    assert (school.live, school.remains(), school.runs()[-1]) == (1, [], "SUCCESS")
    assert school.status["release"]["release_id"] == 1
    newest = school.landing.newest("campus")
    assert (newest.batch_id, newest.reason) == (2, "normal")
    assert sum(entry.rows for entry in newest.streams.values()) == 0
    assert (school.data / "dagster" / "dagster.yaml").read_text().startswith("# Written by Rollbook")


def test_a_warehouse_that_is_lost_or_torn_is_rebuilt_from_the_landing_and_the_run_says_why(school: School) -> None:
    told = "the warehouse was made anew from the landing: "
    school.warehouse.unlink()
    killed = school.kill("build", changes=[Death("orchestration.steps:build")])
    assert f"{told}its file was gone" in killed.stderr
    school.warehouse.write_bytes(school.warehouse.read_bytes()[: school.warehouse.stat().st_size // 2])
    assert f"{told}its file could not be read" in school.run().stderr
    assert school.live == 1
    assert differing_marts(school.warehouse, school.releases.path(1) / "rollbook.duckdb") == []
    assert school.remains() == []
    assert told not in school.run().stderr


def test_other_contracts_read_every_source_again_and_rebuild_the_warehouse(
    school: School, clean_release: CleanRelease
) -> None:
    school.pass_days(1)
    told = school.run(changes=[Replaced("ingestion.contracts:Contracts.version", "a later one")]).stderr
    assert "full (contracts_changed)" in told
    assert "the warehouse was made anew from the landing: its layout or the contracts changed" in told
    assert school.live == 2
    assert differing_marts(school.releases.path(2) / "rollbook.duckdb", clean_release(1)) == []


def test_a_lost_link_to_the_live_release_is_set_again_before_anything_is_compared_with_it(school: School) -> None:
    school.releases.current.unlink()
    assert "build" not in school.run().stderr
    assert (school.live, school.releases.ids(), school.remains()) == (1, [1], [])


@pytest.mark.parametrize("command", ["run", "sync", "reconcile", "build", "build --full-refresh"])
def test_a_lost_pseudonym_key_is_refused_in_one_sentence(school: School, command: str) -> None:
    (school.data / "secrets" / "pseudonym.key").unlink()
    with undisturbed(school):
        refused = school.run(*command.split(), expect=2)
    assert refused.stderr.splitlines() == [
        f"The pseudonym key {school.data / 'secrets' / 'pseudonym.key'} is gone although data has landed under it: "
        "restore it from a backup, for another key would rename every person."
    ]
    assert not (school.data / "secrets" / "pseudonym.key").exists()
    assert school.live == 1


@pytest.mark.parametrize("command", ["run", "status", "build"])
def test_a_torn_run_ledger_is_refused_in_one_sentence(school: School, command: str) -> None:
    """Waivers, acknowledgements and the mark of the pseudonym key are nowhere else."""
    torn(school.data / "ops", "rollbook.sqlite")
    with undisturbed(school):
        refused = school.run(*command.split(), expect=2)
    assert refused.stderr.splitlines() == [
        f"The run ledger {school.data / 'ops' / 'rollbook.sqlite'} is damaged: restore it from a backup."
    ]


def test_a_run_killed_before_it_builds_what_a_later_version_loaded_is_made_up_for(school: School) -> None:
    """No row has landed since, and the file is by now as the later version wants it: only the ledger can tell."""
    later = Replaced("ingestion.warehouse:LAYOUT", 999)
    killed = school.kill("build", changes=[later, Death("orchestration.steps:_why_build")])
    assert "the warehouse was made anew from the landing: its layout or the contracts changed" in killed.stderr
    told = school.run(changes=[later]).stderr
    assert "made anew" not in told
    assert differing_marts(school.warehouse, school.releases.path(1) / "rollbook.duckdb") == []


def test_models_that_come_back_after_others_were_half_built_are_built_whole(
    school: School, clean_release: CleanRelease
) -> None:
    school.pass_days(1)
    others = Replaced("orchestration.transform:Project.fingerprint", "others")
    school.kill(changes=[others, Death("duckdb:DuckDBPyConnection.execute", r"create.*table\s+\S*fct_attempts")])
    with duckdb.connect(str(school.warehouse)) as con:
        role = "_source as source, id as role_id, shortname as short_name, name, archetype, sortorder as sort_order"
        con.execute(
            f"create or replace view staging.stg_moodle__role as select {role} from landing.moodle_role where false"
        )
    school.run()
    assert differing_marts(school.releases.path(2) / "rollbook.duckdb", clean_release(1)) == []
