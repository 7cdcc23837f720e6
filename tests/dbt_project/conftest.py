"""dbt on a warehouse of its own: landed tables without rows, seeds and empty models, as the rules' unit tests need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ingestion.landing import Landing
from ingestion.moodle import contracts
from ingestion.warehouse import apply_batches

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"


@dataclass(frozen=True)
class Dbt:
    """Runs dbt's command line against one warehouse."""

    folder: Path

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        places += ["--target-path", str(self.folder / "target"), "--log-path", str(self.folder / "logs")]
        return subprocess.run(
            [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", *arguments, *places],
            capture_output=True,
            text=True,
            env={**os.environ, "ROLLBOOK_WAREHOUSE": str(self.warehouse)},
        )

    def results(self) -> dict[str, Mapping[str, Any]]:
        """What the last call did, by the node's unique id."""
        results = json.loads((self.folder / "target" / "run_results.json").read_text())["results"]
        return {result["unique_id"]: result for result in results}

    def manifest(self) -> Mapping[str, Any]:
        manifest: Mapping[str, Any] = json.loads((self.folder / "target" / "manifest.json").read_text())
        return manifest


@pytest.fixture(scope="session")
def make_dbt(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Dbt]:
    def make(name: str) -> Dbt:
        dbt = Dbt(tmp_path_factory.mktemp(name))
        apply_batches(
            dbt.warehouse, Landing(dbt.folder / "landing"), [contracts()], [], pseudonym_key=b"key", time_zone="UTC"
        )
        return dbt

    return make


@pytest.fixture(scope="session")
def empty_build(make_dbt: Callable[[str], Dbt]) -> Dbt:
    """Everything built from landed tables that hold no row."""
    dbt = make_dbt("dbt_empty")
    done = dbt.run("build", "--exclude-resource-type", "unit_test")
    assert done.returncode == 0, done.stdout[-4000:]
    return dbt
