"""One small institution for all tests of this folder: built once, copied into place before each test."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.days import LAST_DAY
from tests.faults.school import School, copy_school
from tests.serving.release.candidates import fast_folder


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that all workers of this test session share, with a lock for whoever puts something there."""
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if session is None:
        yield tmp_path_factory.mktemp("schools")
        return
    folder = tmp_path_factory.getbasetemp().parent / f"schools-{session}"
    folder.mkdir(exist_ok=True)
    yield folder


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the worker's installation stands; always the same path, so that dbt need not parse its project anew."""
    fast = fast_folder()
    folder = Path(tempfile.mkdtemp(dir=fast)) if fast else tmp_path_factory.mktemp("school")
    yield folder / "school"
    shutil.rmtree(folder, ignore_errors=True)


def _kept(shelf: Path, name: str, build: Callable[[], Path]) -> Path:
    """What is on the shelf under a name, put there by whoever comes first."""
    with (shelf / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shelf / name).exists():
            built = build()
            built.rename(shelf / name) if built.stat().st_dev == shelf.stat().st_dev else shutil.move(
                built, shelf / name
            )
    return shelf / name


@pytest.fixture(scope="session")
def day_0(shelf: Path, place: Path) -> Path:
    """An installation whose release 1 is that of day 0."""

    def build() -> Path:
        place.mkdir(parents=True)
        School(place).found().run()
        return place

    return _kept(shelf, "day 0", build)


@pytest.fixture
def school(day_0: Path, place: Path) -> Iterator[School]:
    """A fresh copy of the installation of day 0."""
    copy_school(day_0, place)
    yield School(place)
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def clean_release(shelf: Path, day_0: Path) -> Callable[[int], Path]:
    """The database of the release that a new installation makes of a day, undisturbed, under the same pseudonym key."""

    def of(day: int) -> Path:
        assert 0 <= day <= LAST_DAY
        if day == 0:
            return School(day_0).releases.path(1) / "rollbook.duckdb"

        def build() -> Path:
            clean = School(shelf / f"clean day {day}")
            clean.folder.mkdir()
            clean.found().pass_days(day)
            shutil.copytree(day_0 / "data" / "secrets", clean.data / "secrets")
            clean.run()
            database = shelf / f"building {day}.duckdb"
            (clean.releases.path(1) / "rollbook.duckdb").rename(database)
            shutil.rmtree(clean.folder)
            return database

        return _kept(shelf, f"clean day {day}.duckdb", build)

    return of
