"""A rule broken on purpose: the tests of crashes have to find it, or they prove nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion import touched
from orchestration import steps
from tests.faults.process import Death, Replaced
from tests.faults.school import School

pytestmark = pytest.mark.slow

_build = steps.build


def build_that_forgets_first(settings: Any, **how: Any) -> Any:
    """The build step as it must not be: what is due is forgotten before it is done."""
    touched.forget(settings.warehouse)
    return _build(settings, **how)


def test_what_is_forgotten_before_it_is_built_is_missed_after_a_crash(school: School) -> None:
    """The marts lack what had landed; and the audit, which reads the landing itself, does not let them out."""
    school.pass_days(1)
    broken = Replaced("orchestration.steps:build", build_that_forgets_first)
    school.kill(
        changes=[broken, Death("duckdb:DuckDBPyConnection.execute", r"insert\s+into\s+\S*fct_attempts", after=True)]
    )
    with pytest.raises(AssertionError, match="The release is blocked: 1 of"):
        school.run()
    assert school.live == 1
