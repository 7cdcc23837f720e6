"""The whole pipeline on a small made-up Moodle, through the command line and Dagster: one story, told in order."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from click.testing import Result

from ingestion.demo import generate
from orchestration import transform
from orchestration.instance import open_instance
from orchestration.ops import Ops
from orchestration.scoreboard import compare
from orchestration.settings import Settings, load_settings
from serving.release import Releases
from tests.orchestration.conftest import CAMPUS, rollbook

pytestmark = pytest.mark.slow

AS_OF = "2026-06-30T12:00:00+00:00"
PLANTED = "planted-password-4711"
UNREACHABLE = f'[sources.north]\nkind = "moodle"\nurl = "postgresql://reader:{PLANTED}@127.0.0.1:1/moodle"\n'


class Site:
    """A Moodle in a file, its configuration, and what was published of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "moodle.sqlite"
        self.config = folder / "rollbook.toml"
        self.configure(CAMPUS)

    def configure(self, text: str) -> None:
        self.config.write_text(text, encoding="utf-8")

    @property
    def settings(self) -> Settings:
        return load_settings(self.config)

    @property
    def status(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.settings.data_dir / "published" / "status.json").read_text())
        return content

    @property
    def release(self) -> int | None:
        return Releases(self.settings.data_dir).current_id()

    def run(self, command: str = "run", *more: str) -> Result:
        return rollbook(self.config, command, "--as-of", AS_OF, *more)

    def sql(self, statement: str) -> None:
        with sqlite3.connect(self.database) as con:
            con.execute(statement)
        con.close()

    def newest_run(self) -> tuple[dg.DagsterRun, list[Any]]:
        """The newest run in the UI, and the evaluations of its checks."""
        with open_instance(self.settings) as instance:
            [run] = instance.get_runs(limit=1)
            events = [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event]
        evaluated = dg.DagsterEventType.ASSET_CHECK_EVALUATION
        return run, [event.asset_check_evaluation_data for event in events if event.event_type == evaluated]

    def materialized(self, run_id: str) -> set[str]:
        with open_instance(self.settings) as instance:
            entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        return {entry.dagster_event.asset_key.to_user_string() for entry in entries}  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    generate(folder, students=60, attempts=1000)
    return Site(folder)


def test_the_first_run_publishes_a_release_and_shows_in_the_ui(site: Site) -> None:
    result = site.run()
    assert result.exit_code == 0, result.output
    assert (site.release, "Release 1 is live" in result.stdout) == (1, True)
    run, checks = site.newest_run()
    assert (run.job_name, run.status, run.tags["rollbook/command"]) == (
        "hourly",
        dg.DagsterRunStatus.SUCCESS,
        "rollbook run",
    )
    made = site.materialized(run.run_id)
    expected = {"campus/quiz_attempts", "landing/moodle_quiz_attempts", "staging/stg_moodle__quiz_attempts"}
    assert expected | {"marts/fct_attempts", "published/release", "published/status"} <= made
    names = {check.check_name for check in checks}
    assert {"synced", "fresh", "ledger_adds_up", "laws_hold", "findings_within_growth", "every_source_synced"} <= names
    assert all(check.passed for check in checks)
    assert len(checks) > 150
    campus = site.status["sources"]["campus"]
    assert (campus["as_of"], campus["is_stale"], campus["last_sync"]["reason"]) == (AS_OF, False, "first_sync")
    assert site.status["release"]["release_id"] == 1


def test_the_planted_faults_are_found_and_no_others(site: Site) -> None:
    score = compare(site.settings, site.folder / "faults.json")
    assert len(score.faults) > 10
    assert [fault.fault_id for fault in score.faults if not fault.is_found] == []
    assert score.extra == []


def test_the_release_tells_of_the_runs_that_made_it(site: Site) -> None:
    rows = duckdb.connect(str(Releases(site.settings.data_dir).live_database()), read_only=True)
    assert rows.execute("select source, status, mode from monitoring.sync_runs").fetchall() == [
        ("campus", "succeeded", "full")
    ]
    assert rows.execute("select count(*) from monitoring.quality_results where not passed").fetchall() == [(0,)]
    assert rows.execute("select sum(received) - sum(accepted) from monitoring.batches").fetchall() == [(0,)]
    assert rows.execute("select source, is_stale from monitoring.freshness").fetchall() == [("campus", False)]
    [(found, first_seen)] = rows.execute(
        "select count(*), count(first_seen_at) from monitoring.findings where status = 'open'"
    ).fetchall()
    assert found == first_seen > 10
    rows.close()


def test_a_run_without_news_builds_and_releases_nothing_but_rewrites_the_status(site: Site) -> None:
    before = site.status
    result = site.run()
    assert (result.exit_code, site.release) == (0, 1)
    assert site.status["checked_at"] > before["checked_at"]
    run, _ = site.newest_run()
    assert run.status == dg.DagsterRunStatus.SUCCESS
    made = {key.split("/")[0] for key in site.materialized(run.run_id)}
    assert made == {"campus", "landing", "published"}
    assert "published/release" not in site.materialized(run.run_id)


def test_only_unusable_sources_end_in_exit_code_2(site: Site) -> None:
    site.configure(CAMPUS.replace("[sources.campus]", '[sources.campus]\nprefix = "nope_"'))
    result = site.run()
    assert (result.exit_code, "begins with the prefix 'nope_'" in result.stderr) == (2, True)
    assert site.release == 1
    site.configure(CAMPUS)


def test_findings_that_multiply_block_the_release_with_their_evidence(site: Site) -> None:
    graded = "select id from mdl_grade_grades where finalgrade is not null order by id limit 60"
    site.sql(f"update mdl_grade_grades set finalgrade = 9999 where id in ({graded})")
    result = site.run()
    assert result.exit_code == 1
    assert "The release is blocked: score_out_of_bounds" in result.stderr
    assert site.release == 1
    assert site.status["blocking_checks"][0]["check"] == "score_out_of_bounds"
    run, checks = site.newest_run()
    assert run.status == dg.DagsterRunStatus.FAILURE
    [evidence] = [check for check in checks if check.check_name == "findings_within_growth"]
    assert (evidence.passed, evidence.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "anomaly_key" in evidence.metadata["rows: score_out_of_bounds"].md_str
    with duckdb.connect(str(site.settings.warehouse), read_only=True) as con:
        [(check, sample)] = con.execute(
            "select check_name, evidence from monitoring.quality_results where blocks"
        ).fetchall()
    assert (check, len(json.loads(sample))) == ("score_out_of_bounds", 20)


def test_a_waiver_lets_the_next_run_release_and_a_failed_source_keeps_nobody_back(site: Site) -> None:
    waived = rollbook(
        site.config, "waive", "score_out_of_bounds", "--key", "*", "--reason", "a new scale", "--until", "2999-12-31"
    )
    assert waived.exit_code == 0
    site.configure(CAMPUS + UNREACHABLE)
    result = site.run()
    assert (result.exit_code, site.release) == (1, 2)
    assert result.stderr.splitlines()[-1] == "Source north cannot be read: nothing answers at its address."
    waivers = Ops(site.settings.data_dir).rows("select count(*) as n from findings where status = 'waived'")
    assert waivers[0]["n"] >= 60
    assert site.status["sources"]["north"]["stale_reason"] == "its last sync failed"
    assert [alert["alert_key"] for alert in site.status["alerts"]] == ["sync:north"]
    run, checks = site.newest_run()
    assert run.status == dg.DagsterRunStatus.FAILURE
    [evidence] = [check for check in checks if check.check_name == "every_source_synced"]
    assert not evidence.passed
    assert "| north |" in evidence.metadata["failed"].md_str


def test_the_password_of_a_source_is_nowhere(site: Site) -> None:
    files = [path for path in site.settings.data_dir.rglob("*") if path.is_file()]
    assert len(files) > 100
    assert [path for path in files if PLANTED.encode() in path.read_bytes()] == []


def test_an_alert_ends_with_its_source(site: Site) -> None:
    site.configure(CAMPUS)
    assert site.run().exit_code == 0
    assert site.status["alerts"] == []


def test_a_rollback_is_a_new_release_and_holds_the_scheduled_ones(site: Site) -> None:
    assert rollbook(site.config, "rollback", "1").exit_code == 0
    assert site.release == 3
    held = site.run()
    assert (held.exit_code, site.release) == (0, 3)
    assert "Releases are held since" in held.stdout
    assert rollbook(site.config, "release").exit_code == 1
    assert rollbook(site.config, "release", "--resume").exit_code == 0
    assert site.release == 4
    assert [rollbook(site.config, "verify", str(number)).exit_code for number in range(1, 5)] == [0] * 4


def broken_project(folder: Path, model: str, text: str) -> Path:
    """The dbt project with one model's SQL replaced; `{model}` in the text stands for what it was."""
    project = folder / "dbt_project"
    shutil.copytree(transform.PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    [path] = project.glob(f"models/**/{model}.sql")
    path.write_text(text.replace("{model}", path.read_text(encoding="utf-8")), encoding="utf-8")
    return project


def blocking(site: Site) -> list[tuple[str, str, int]]:
    """What the newest run left in the warehouse's own monitoring as having stopped the release."""
    newest, _ = site.newest_run()
    with duckdb.connect(str(site.settings.warehouse), read_only=True) as con:
        return con.execute(
            "select check_name, mart, rows_failed from monitoring.quality_results"
            " where blocks and not passed and run_id = ?",
            [newest.run_id],
        ).fetchall()


def test_a_model_that_doubles_rows_stops_the_release_with_the_rows_that_break_it(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubled = "with honest as (\n{model}\n)\nselect * from honest union all select * from honest\n"
    monkeypatch.setattr(transform, "PROJECT", broken_project(tmp_path, "dim_groups", doubled))
    result = site.run()
    assert (result.exit_code, site.release) == (1, 4)
    assert "unique_dim_groups_group_key" in result.stderr
    run, checks = site.newest_run()
    [failed] = [check for check in checks if check.check_name == "unique_dim_groups_group_key"]
    assert (run.status, failed.passed) == (dg.DagsterRunStatus.FAILURE, False)
    assert "| campus:" in failed.metadata["failed_rows"].value
    assert [(name, mart) for name, mart, rows in blocking(site) if rows] == [
        ("unique_dim_groups_group_key", "dim_groups")
    ]
    # A breach does not wear off: the same models are stopped again, and the audit is not reached.
    assert rollbook(site.config, "audit").exit_code == 1


def test_a_wrong_rule_that_no_test_of_its_own_sees_is_stopped_by_the_second_opinion(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = (
        "with honest as (\n{model}\n)\nselect * replace (cast(computed_grade + 1 as decimal(18, 5)) as computed_grade,"
        " 'match' as parity, cast(null as varchar) as parity_reason) from honest\n"
    )
    monkeypatch.setattr(transform, "PROJECT", broken_project(tmp_path, "fct_grades", wrong))
    result = site.run()
    assert (result.exit_code, site.release) == (1, 4)
    [(name, mart, rows)] = [row for row in blocking(site) if row[0].startswith("independent")]
    assert (name, mart, rows > 0) == ("independent__quiz_grades", "fct_grades", True)
    _, checks = site.newest_run()
    assert [c.asset_key.to_user_string() for c in checks if c.check_name == "laws_hold" and not c.passed] == [
        "marts/fct_grades"
    ]


def test_the_honest_models_release_again(site: Site) -> None:
    result = site.run()
    assert (result.exit_code, blocking(site)) == (0, [])
