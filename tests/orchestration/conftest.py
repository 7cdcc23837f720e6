"""A data directory with its configuration, and the command line on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestration.cli import main
from orchestration.settings import Settings, load_settings

CAMPUS = """\
[sources.campus]
kind = "moodle"
url = "sqlite:///moodle.sqlite"
"""


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DAGSTER_HOME", "ROLLBOOK_CONFIG", "ROLLBOOK_WAREHOUSE"):
        monkeypatch.setenv(name, "")


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Settings]:
    """Write a configuration into a folder of its own and load it."""

    def write(text: str = CAMPUS) -> Settings:
        path = tmp_path / "rollbook.toml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path)

    return write


def rollbook(config: Path, *arguments: str) -> Result:
    """Run a command in this process; `stderr` holds what it complains of."""
    return CliRunner().invoke(main, ["--config", str(config), *arguments])
