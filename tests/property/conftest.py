from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dbt_project.conftest import Dbt, empty_build, make_dbt  # noqa: F401  fixtures
from tests.property.histories import Machine
from tests.property.replay import Models


@pytest.fixture(scope="session")
def models(empty_build: Dbt) -> Models:  # noqa: F811
    return Models.of(empty_build)


@pytest.fixture(scope="session")
def machine(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    return Machine(models, tmp_path_factory.mktemp("machine"))
