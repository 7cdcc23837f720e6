from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import ingestion
from ingestion.landing import Batch, Landing, Manifest

AT = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
REPOSITORY = Path(ingestion.__file__).parents[1]


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "data" / "landing")


@pytest.fixture
def begin(landing: Landing) -> Callable[..., Batch]:
    """Opens the next batch with one open stream, `grades` (id, grade)."""

    def opened(source: str = "campus", cursor: dict | None = None) -> Batch:
        batch = landing.begin(source, "moodle", "incremental", "within the window", cursor or {}, AT)
        batch.open_stream("grades", {"id": pl.Int64(), "grade": pl.Decimal(18, 5)})
        return batch

    return opened


@pytest.fixture
def grades() -> Callable[..., pl.DataFrame]:
    def rows(count: int, first: int = 1) -> pl.DataFrame:
        ids = pl.DataFrame({"id": range(first, first + count)}, schema={"id": pl.Int64()})
        return ids.with_columns(grade=(pl.col("id") % 101).cast(pl.Decimal(18, 5)))

    return rows


@pytest.fixture
def commit(begin: Callable[..., Batch], grades: Callable[..., pl.DataFrame]) -> Callable[..., Manifest]:
    """Commits one batch of `rows` grades."""

    def committed(rows: int = 3, source: str = "campus", cursor: dict | None = None) -> Manifest:
        with begin(source) as batch:
            batch.append("grades", grades(rows))
            batch.count("grades", received=rows, accepted=rows)
            return batch.commit(AT, cursor or {"grades": rows})

    return committed


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a Python program with the repository on its path; what still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def started(program: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        )
        running.append(process)
        return process

    yield started
    for process in running:
        process.kill()
        process.communicate()
