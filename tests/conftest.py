"""What many tests need: the shared real databases, and database servers that live as long as the test session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import NotInstalledError, Server, mariadb_server, postgresql_server

for _name, _value in {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "GX_ANALYTICS_ENABLED": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}.items():
    os.environ.setdefault(_name, _value)

ROOT = Path(__file__).resolve().parent.parent
# Files that take minutes: workers take whole files, so these must not be left to the end.
LONGEST_FIRST = (
    "property/test_laws.py",
    "property/test_mutations.py",
    "e2e/test_faults_in_the_source.py",
    "e2e/test_snapshots.py",
    "property/test_broken_rules.py",
    "faults/test_following.py",
    "e2e/test_real_sites.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        found = (nth for nth, name in enumerate(LONGEST_FIRST) if item.path.match(name))
        return next(found, len(LONGEST_FIRST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the real databases and the judges; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("ROLLBOOK_SHARED", ROOT.parent / "shared"))
    if not (folder / "data" / "moodle").is_dir():
        pytest.skip(f"no real databases: {folder} is absent (set ROLLBOOK_SHARED)")
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server of this test session."""
    try:
        with postgresql_server() as server:
            yield server
    except NotInstalledError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """A MariaDB server of this test session."""
    try:
        with mariadb_server() as server:
            yield server
    except NotInstalledError as reason:
        pytest.skip(str(reason))
