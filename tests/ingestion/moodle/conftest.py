from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.landing import Landing
from ingestion.moodle import contracts
from ingestion.moodle.source import MoodleSource
from ingestion.moodle.sync import SyncReport, sync_moodle
from ingestion.warehouse import KnownSource, LoadReport, apply_batches
from tests.ingestion.moodle.site import Site


@pytest.fixture
def make_site(tmp_path: Path) -> Callable[..., Site]:
    return lambda name="moodle.sqlite", **options: Site(tmp_path / name, **options)


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()


@dataclass
class Work:
    """A landing, its side files and a warehouse in one folder."""

    folder: Path

    @property
    def landing(self) -> Landing:
        return Landing(self.folder / "landing")

    def sync(self, url: str, source: str = "campus", options: dict[str, Any] | None = None, **how: Any) -> SyncReport:
        return sync_moodle(MoodleSource(source, url, **(options or {})), self.landing, self.folder / "state", **how)

    def load(self, key: bytes = b"a key", **how: Any) -> LoadReport:
        sources = [KnownSource("campus", "moodle", "https://campus.example")]
        return apply_batches(
            self.warehouse, self.landing, [contracts()], sources, pseudonym_key=key, time_zone="UTC", **how
        )

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as con:
            return con.execute(sql).fetchall()

    def content(self, *, without: tuple[str, ...] = ()) -> dict[str, list[tuple[Any, ...]]]:
        """Everything of schemas landing and history that comes from sources, without batch numbers."""
        found = {}
        with duckdb.connect(str(self.warehouse), read_only=True) as con:
            tables = con.execute(
                "select schema_name, table_name from duckdb_tables()"
                " where table_name like 'moodle_%' and schema_name in ('landing', 'history') order by all"
            ).fetchall()
            for schema, table in tables:
                if schema in without:
                    continue
                own = "_batch_id" if schema == "landing" else "_batch_id, _deleted_batch_id, _deleted_at"
                own = "_batch_id, seen_at" if table.endswith("_values") else own
                sql = f"select * exclude ({own}) from {schema}.{table} order by all"
                found[f"{schema}.{table}"] = con.execute(sql).fetchall()
        return found


@pytest.fixture
def make_work(tmp_path: Path) -> Callable[[str], Work]:
    def make(name: str) -> Work:
        folder = tmp_path / name
        folder.mkdir()
        return Work(folder)

    return make


@pytest.fixture
def work(make_work: Callable[[str], Work]) -> Work:
    return make_work("work")


@pytest.fixture
def noon() -> datetime:
    return datetime.fromisoformat("2026-06-30T12:00:00+00:00")
