"""The command line: one sentence, the right exit code, one writer at a time, fast answers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.locking import holding_state
from orchestration.settings import Settings
from tests.orchestration.conftest import rollbook

USAGE = [
    (["frobnicate"], "No such command"),
    (["run", "--mode", "sideways"], "'sideways' is not one of"),
    (["run", "--source", "nowhere"], "There is no source nowhere"),
    (["run", "--as-of", "soon"], "'soon' is no time"),
    (["rollback", "latest"], "is not a valid integer"),
    (
        ["waive", "no_such_rule", "--key", "k", "--reason", "r", "--until", "2999-01-01"],
        "There is no rule no_such_rule",
    ),
    (["waive", "grade_mismatch", "--key", "k", "--reason", "r", "--until", "2020-01-01"], "is over already"),
    (["waive", "grade_mismatch", "--key", "k", "--reason", " ", "--until", "2999-01-01"], "needs a reason"),
    (["query", "select 1", "--csv", "a", "--parquet", "b"], "Name one file"),
    (["--wait", "-1", "status"], "--wait"),
    (["rollback", "3"], "There is no release 3"),
    (["verify", "3"], "There is no release 3"),
]
REFUSED = [
    (["query", "select 1"], "Nothing is published yet"),
    (["build"], "Nothing has landed yet"),
    (["audit"], "run rollbook build first"),
    (["release"], "run rollbook build first"),
]


@pytest.mark.parametrize(("arguments", "expected"), USAGE)
def test_a_wrong_command_ends_in_one_sentence_and_exit_code_2(
    configured: Callable[..., Settings], arguments: list[str], expected: str
) -> None:
    result = rollbook(configured().file, *arguments)
    assert (result.exit_code, len(result.stderr.strip().splitlines())) == (2, 1)
    assert expected in result.stderr


@pytest.mark.parametrize(("arguments", "expected"), REFUSED)
def test_what_cannot_be_done_yet_ends_in_one_sentence_and_exit_code_1(
    configured: Callable[..., Settings], arguments: list[str], expected: str
) -> None:
    result = rollbook(configured().file, *arguments)
    assert result.exit_code == 1
    assert expected in result.stderr.strip().splitlines()[-1]


def test_status_of_an_empty_data_directory(configured: Callable[..., Settings]) -> None:
    result = rollbook(configured().file, "status", "--json")
    content = json.loads(result.stdout)
    assert result.exit_code == 0
    assert content["sources"]["campus"]["stale_reason"] == "it was never synced"
    assert (content["release"], content["alerts"], content["hold"]) == (None, [], None)
    assert "Nothing is published." in rollbook(configured().file, "status").stdout


def test_options_may_follow_the_command(configured: Callable[..., Settings]) -> None:
    settings = configured()
    assert rollbook(Path("absent.toml"), "status", "--config", str(settings.file)).exit_code == 0


def test_status_loads_nothing_heavy(configured: Callable[..., Settings]) -> None:
    code = (
        "import sys\n"
        "from orchestration.cli import main\n"
        f"main(['--config', {str(configured().file)!r}, 'status'], standalone_mode=False)\n"
        "heavy = {'dagster', 'dbt', 'great_expectations', 'connectorx'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("command", ["run", "sync", "build", "audit", "release", "reconcile"])
def test_a_second_writer_is_told_who_holds_the_lock_at_once(
    configured: Callable[..., Settings], tmp_path: Path, command: str
) -> None:
    (tmp_path / "moodle.sqlite").touch()
    settings = configured()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib, time\n"
            "from ingestion.landing import state_lock\n"
            "with state_lock(pathlib.Path(sys.argv[1]), 'a long run'):\n"
            "    print('held', flush=True); time.sleep(60)\n",
            str(settings.data_dir / "state.lock"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        began = time.monotonic()
        result = rollbook(settings.file, command)
        assert time.monotonic() - began < 2
    finally:
        holder.kill()
        holder.wait()
    assert result.exit_code == 1
    assert f"'a long run' (process {holder.pid}, started " in result.stderr
    assert "--wait SECONDS" in result.stderr


def test_one_process_may_take_the_lock_twice(tmp_path: Path) -> None:
    with holding_state(tmp_path, "a command"), holding_state(tmp_path, "its run"):
        pass
    with holding_state(tmp_path, "the next"):
        pass


def test_doctor_examines_and_grants_are_printed(configured: Callable[..., Settings]) -> None:
    settings = configured('[sources.campus]\nkind = "moodle"\nurl = "mysql://u:planted-pw@127.0.0.1:1/moodle"\n')
    result = rollbook(settings.file, "doctor")
    assert result.exit_code == 1
    assert "campus\treachable\tfail" in result.stdout
    assert "Mend the url" in result.stdout
    granted = rollbook(settings.file, "doctor", "--grants")
    assert granted.exit_code == 0
    assert "grant select (" in granted.stdout
    assert "planted-pw" not in result.output + granted.output


def test_the_demo_leaves_foreign_folders_alone(configured: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not touch")
    result = rollbook(configured().file, "demo", "--folder", str(tmp_path / "mine"))
    assert (result.exit_code, "holds something else" in result.stderr) == (2, True)
    assert (tmp_path / "mine" / "thesis.txt").exists()
