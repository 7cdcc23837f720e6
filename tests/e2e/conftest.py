"""Rollbook as its user runs it: a folder with a rollbook.toml, and the command line in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.servers import Server

# The end of the recorded half years, by the sites' own clocks.
AS_OF = {"dev": "2026-09-30T00:20:00+00:00", "iomad": "2026-08-16T16:00:00+00:00"}


@dataclass
class Installation:
    """One rollbook.toml with its data folder."""

    folder: Path
    environment: dict[str, str]

    def configure(self, url: str, extra: str = "") -> None:
        """A single source named campus whose URL comes from the environment."""
        self.environment["MOODLE_URL"] = url
        (self.folder / "rollbook.toml").write_text(
            '[paths]\ndata_dir = "data"\n[sources.campus]\nkind = "moodle"\nurl = "env:MOODLE_URL"\n'
            f'site_url = "https://campus.example"\n{extra}',
            encoding="utf-8",
        )

    def run(self, *arguments: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """The command line, from a foreign current folder, with an otherwise bare environment."""
        command = [
            sys.executable,
            "-m",
            "orchestration.cli",
            "--config",
            str(self.folder / "rollbook.toml"),
            *arguments,
        ]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.environment}
        environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=environment, timeout=600)
        if expect is not None:
            assert done.returncode == expect, f"exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done

    @property
    def current(self) -> Path:
        return (self.folder / "data/published/current").resolve()

    @contextmanager
    def release(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(str(self.current / "rollbook.duckdb"), read_only=True) as con:
            yield con

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.release() as con:
            return con.execute(sql).fetchall()


@pytest.fixture(scope="session")
def make_installation(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Installation]:
    return lambda name: Installation(tmp_path_factory.mktemp(name), {})


@pytest.fixture(scope="session")
def judge(shared: Path) -> Callable[..., str]:
    """Runs one of the outside judges and returns its last line; a judge that disagrees fails the test."""

    def judge(script: str, *arguments: object) -> str:
        command = [sys.executable, str(shared / "checks" / script), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout.strip().splitlines()[-1]

    return judge


@pytest.fixture(scope="session")
def load_site(shared: Path) -> Callable[[Server, str, str], None]:
    def load(server: Server, site: str, dialect: str) -> None:
        if f"e2e_{site}" not in server.loaded:
            folder = shared / "data/moodle" / site.partition("_")[0]
            server.load(f"e2e_{site}", folder / f"{site}.{dialect}.sql.gz")
            server.loaded.add(f"e2e_{site}")

    return load


@pytest.fixture(scope="session")
def dev(postgresql: Server, load_site: Any, make_installation: Callable[[str], Installation]) -> Installation:
    """A release of the first real site, which tests leave as it is."""
    load_site(postgresql, "dev", "pg")
    installation = make_installation("dev_pg")
    installation.configure(postgresql.url("e2e_dev"))
    installation.run("run", "--as-of", AS_OF["dev"])
    return installation


@pytest.fixture(scope="session")
def iomad(postgresql: Server, load_site: Any, make_installation: Callable[[str], Installation]) -> Installation:
    """A release of the real site with companies, which tests leave as it is."""
    load_site(postgresql, "iomad", "pg")
    installation = make_installation("iomad_pg")
    installation.configure(postgresql.url("e2e_iomad"))
    installation.run("run", "--as-of", AS_OF["iomad"])
    return installation


@pytest.fixture(scope="session")
def secretive(postgresql: Server) -> str:
    """The password of the PostgreSQL role `secretive`, which must prove it."""
    password = "Sesame/open@2026"
    postgresql.run("postgres", f"create role secretive login password '{password}'")
    return password
