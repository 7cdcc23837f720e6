"""What Dagster is told: lineage from source tables to the release, jobs, schedules, nothing sent home."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml

import orchestration.definitions
from orchestration import jobs, locking
from orchestration.assets.evidence import table
from orchestration.event_log import EventLog
from orchestration.instance import PID_TAG, RUNS_KEPT, forget_old_runs, open_instance
from orchestration.jobs import HOURLY, REBUILD, RECONCILE, dead_run_sensor
from orchestration.locking import holding_state
from orchestration.settings import Settings, load_settings

TWO_SOURCES = """\
[site]
time_zone = "Europe/Madrid"
[sources.campus]
kind = "moodle"
url = "env:NOT_SET_ANYWHERE"
[sources.north-campus]
kind = "moodle"
url = "postgresql://nobody:nothing@127.0.0.1:1/none"
[sources.lrs]
kind = "xapi"
path = "drops"
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    path = tmp_path_factory.mktemp("defined") / "rollbook.toml"
    path.write_text(TWO_SOURCES)
    return load_settings(path)


@pytest.fixture(scope="module")
def definitions(settings: Settings) -> dg.Definitions:
    """Loaded with an unset secret and an unreachable database: neither is needed."""
    return orchestration.definitions.define(settings)


def test_definitions_stay_readable() -> None:
    assert len(Path(orchestration.definitions.__file__).read_text().splitlines()) < 60


def test_loading_makes_no_warehouse_and_no_secret(definitions: dg.Definitions, settings: Settings) -> None:
    assert not settings.warehouse.exists()
    assert sorted(path.name for path in settings.data_dir.iterdir()) == ["dbt"]


def test_every_mart_and_the_release_trace_back_to_source_tables(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    marts = [key for key in graph.get_all_asset_keys() if key.path[0] == "marts"]
    assert len(marts) > 20
    for mart in [*marts, dg.AssetKey(["published", "release"])]:
        ancestors = graph.get_ancestor_asset_keys(mart)
        for source in ("campus", "north-campus"):
            assert any(key.path[0] == source and key.path[1] != "database" for key in ancestors), mart


def test_a_mart_of_grades_comes_from_the_tables_of_grades(definitions: dg.Definitions) -> None:
    ancestors = definitions.resolve_asset_graph().get_ancestor_asset_keys(dg.AssetKey(["marts", "fct_grades"]))
    for name in ("quiz_grades", "quiz_attempts", "grade_grades", "question_attempt_steps"):
        assert dg.AssetKey(["campus", name]) in ancestors
        assert dg.AssetKey(["landing", f"moodle_{name}"]) in ancestors


def test_no_asset_is_made_by_nobody(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert graph.external_asset_keys == set()


def test_the_release_waits_for_the_audit_of_every_mart(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for mart in (key for key in graph.get_all_asset_keys() if key.path[0] == "marts"):
        checks = {key.name: graph.get(key) for key in graph.get_check_keys_for_assets([mart])}
        assert checks["laws_hold"].blocking


def test_jobs_have_their_steps_and_schedules(definitions: dg.Definitions) -> None:
    everything = {"land", "build", "audit", "release", "status"}
    for job in (HOURLY, RECONCILE, REBUILD):
        resolved = definitions.resolve_job_def(job)
        assert {node.name for node in resolved.nodes} == everything
        assert resolved.executor_def.name == "in_process"
    rebuilt = definitions.resolve_job_def(REBUILD).asset_layer.selected_asset_keys
    assert not any(key.path[0] in ("campus", "north-campus") for key in rebuilt)
    schedules = {schedule.job_name: schedule for schedule in definitions.schedules or []}
    assert set(schedules) == {HOURLY, RECONCILE}
    assert schedules[HOURLY].cron_schedule == "5 * * * *"
    assert {schedule.execution_timezone for schedule in schedules.values()} == {"Europe/Madrid"}


def test_every_step_that_writes_the_warehouse_shares_one_pool(definitions: dg.Definitions) -> None:
    nodes = {node.name: node.definition for node in definitions.resolve_job_def(HOURLY).nodes}
    pools = {name: nodes[name].pool for name in ("land", "build", "audit", "release")}  # type: ignore[attr-defined]
    assert set(pools.values()) == {"warehouse"}


def test_evidence_is_a_table_of_at_most_twenty_rows() -> None:
    text = table([{"key": f"a|{n}", "n": n} for n in range(25)]).md_str
    assert text is not None
    assert text.splitlines()[0] == "| key | n |"
    assert text.count("a\\|") == 20
    assert text.endswith("… and 5 more")


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    config = tmp_path / "rollbook.toml"
    config.write_text("[paths]\n")
    with open_instance(load_settings(config)) as made:
        yield made


def test_nothing_is_sent_home(instance: dg.DagsterInstance) -> None:
    config = yaml.safe_load(Path(instance.root_directory, "dagster.yaml").read_text())
    assert config["telemetry"] == {"enabled": False}
    assert not instance.telemetry_enabled
    assert os.environ["DO_NOT_TRACK"] == "1"
    assert os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_dagster_yaml_is_the_operators_once_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    (tmp_path / "rollbook.toml").write_text("[paths]\n")
    with open_instance(load_settings(tmp_path / "rollbook.toml")):
        pass
    assert (home / "dagster.yaml").read_text() == "telemetry:\n  enabled: false\n"


@dg.asset
def a() -> None:
    pass


@dg.asset_check(asset=a)
def a_holds() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def _run(instance: dg.DagsterInstance) -> str:
    result = dg.Definitions(assets=[a], asset_checks=[a_holds]).resolve_implicit_global_asset_job_def()
    return result.execute_in_process(instance=instance).run_id


def test_another_process_reads_what_the_event_log_wrote_as_dagster_would(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.event_log_storage, EventLog)
    run_id = _run(instance)
    written = [entry.message for entry in instance.all_logs(run_id)]
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

    stock = SqliteEventLogStorage(str(Path(instance.root_directory) / "history" / "runs"))
    assert [entry.message for entry in stock.get_logs_for_run(run_id)] == written
    assert len(written) > 5
    assert stock.has_asset_key(dg.AssetKey("a"))


def test_runs_are_forgotten_after_a_month_with_their_files(instance: dg.DagsterInstance) -> None:
    run_id = _run(instance)
    file = Path(instance.root_directory) / "history" / "runs" / f"{run_id}.db"
    assert file.exists()
    forget_old_runs(instance, datetime.now(UTC) + RUNS_KEPT - timedelta(minutes=5))
    assert file.exists()
    forget_old_runs(instance, datetime.now(UTC) + RUNS_KEPT + timedelta(minutes=5))
    assert not file.exists()
    assert instance.get_runs() == []
    _run(instance)


def test_a_run_whose_process_died_does_not_look_alive(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    job = dg.Definitions(assets=[a]).resolve_implicit_global_asset_job_def()
    # Its number has gone to another process since, which is alive.
    dead = instance.create_run_for_job(job, tags={PID_TAG: str(os.getppid())}, status=dg.DagsterRunStatus.STARTED)
    foreign = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    with open_instance(load_settings(tmp_path / "rollbook.toml")) as again:
        states = {run.run_id: run.status for run in again.get_runs()}
    assert states[dead.run_id] == dg.DagsterRunStatus.FAILURE
    assert states[foreign.run_id] == dg.DagsterRunStatus.STARTED


def test_a_run_that_died_with_all_of_dagster_does_not_hold_the_queue_for_ever(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(tmp_path / "rollbook.toml")
    job = dg.Definitions(assets=[a]).resolve_implicit_global_asset_job_def()
    run_id = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED).run_id
    sensor, cursor = dead_run_sensor(settings), None

    def look() -> dg.DagsterRunStatus:
        nonlocal cursor
        with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
            cursor = sensor.evaluate_tick(context).cursor
        return instance.get_run_by_id(run_id).status  # type: ignore[union-attr]

    alive, dead = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE
    assert [look(), look()] == [alive, alive]  # it may not have come to the lock yet
    monkeypatch.setattr(jobs, "_TAKES_THE_LOCK_WITHIN", timedelta(0))
    with holding_state(settings.data_dir, "a run"):
        monkeypatch.setattr(locking, "_held", set())
        assert [look(), look()] == [alive, alive]
    assert [look(), look()] == [alive, dead]
