from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingestion.demo import DemoInstitution, generate
from tests.ingestion.demo.site import Site


@dataclass(frozen=True)
class Made:
    institution: DemoInstitution
    site: Site
    seconds: float


def _make(folder: Path, *, with_faults: bool) -> Iterator[Made]:
    began = time.perf_counter()
    institution = generate(folder, with_faults=with_faults)
    seconds = time.perf_counter() - began
    site = Site(institution.database, int(institution.as_of.timestamp()))
    yield Made(institution, site, seconds)
    site.close()


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The institution before any fault."""
    yield from _make(tmp_path_factory.mktemp("clean"), with_faults=False)


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The institution as the demo ships it."""
    yield from _make(tmp_path_factory.mktemp("faulty"), with_faults=True)
