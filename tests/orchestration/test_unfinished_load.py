"""Runs that end in the middle of a full load: what was released stays, and the next run goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from ingestion.demo import generate
from ingestion.landing import Landing
from orchestration import sources
from orchestration.settings import load_settings
from orchestration.status import status
from serving.release import Releases
from tests.orchestration.conftest import CAMPUS, rollbook

pytestmark = pytest.mark.slow

NOTE = "campus: the full load is not finished within time_budget_seconds"


def test_a_run_in_the_middle_of_a_full_load_keeps_the_marts_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(tmp_path, students=60, attempts=1000)
    config = tmp_path / "rollbook.toml"
    config.write_text(CAMPUS, encoding="utf-8")
    data_dir = load_settings(config).data_dir
    releases, landing = Releases(data_dir), Landing(data_dir / "landing")
    made = sources.moodle_source

    def run(*more: str, budget: float) -> Result:
        def hurried(*arguments: Any) -> Any:
            return replace(made(*arguments), time_budget_seconds=budget, range_rows=2_000)

        with monkeypatch.context() as patched:
            patched.setattr(sources, "moodle_source", hurried)
            return rollbook(config, "run", *more)

    first = run(budget=0)
    assert (first.exit_code, releases.current_id()) == (0, None), first.output
    assert NOTE in first.output
    second = run(budget=1_000)
    assert (second.exit_code, releases.current_id()) == (0, 1), second.output
    assert NOTE not in second.output
    before = landing.newest_complete("campus")

    hurried = run("--mode", "full", budget=0)
    assert (hurried.exit_code, releases.current_id()) == (0, 1), hurried.output
    assert NOTE in hurried.output
    assert landing.newest_complete("campus") == before
    assert landing.newest("campus") != before
    told = status(load_settings(config))["sources"]["campus"]
    assert (told["is_loading"], told["as_of"]) == (True, before.as_of.isoformat())
    last = run(budget=1_000)
    assert (last.exit_code, landing.newest("campus").is_complete) == (0, True), last.output
    assert [m.reason for m in landing.manifests("campus")] == [
        "first_sync", "resumes_full_load", "heals_full_load", "requested", "resumes_full_load", "heals_full_load",
    ]  # fmt: skip
