from __future__ import annotations

import pytest

from tests.dbt_project.conftest import Dbt

# One rule each, and how many unit tests it takes at the least to hold it.
RULES = {
    "int_quiz_grades": 6,  # the four grade methods, a first or last attempt without marks, rescaling
    "int_quiz_attempts": 3,  # states, previews, flags with ties, needs grading
    "int_gradebook": 3,  # factors and clamping, withheld values
    "int_grades": 4,  # parity and its reasons
    "int_tracked_learners": 1,
    "int_enrolments": 1,
    "int_exelearning_scores": 3,  # page loads, what statements say of a score, parts that changed
    "int_exelearning_attempts": 4,  # state and outcome, two channels, what the log tells, the cap
    "int_log_events": 4,  # both forms of a payload, contracts, deletions, resets
    "int_attempt_events": 8,  # generations, occurrences, what is derived, previews, what is gone, who did it, drift
    "int_package_findings": 2,
    "int_lifecycle_findings": 5,
}


@pytest.fixture(scope="module")
def outcomes(empty_build: Dbt) -> dict[str, str]:
    empty_build.run("test", "--select", "test_type:unit")
    results = empty_build.results()
    return {name: result["status"] for name, result in results.items() if name.startswith("unit_test.")}


def test_every_unit_test_of_a_rule_passes(outcomes: dict[str, str]) -> None:
    assert {name: status for name, status in outcomes.items() if status != "pass"} == {}
    assert len(outcomes) >= 85


@pytest.mark.parametrize("model", RULES)
def test_the_rules_that_grades_rest_on_have_their_unit_tests(outcomes: dict[str, str], model: str) -> None:
    held = [name for name in outcomes if name.split(".")[2] == model]
    assert len(held) >= RULES[model]


def test_a_warehouse_without_any_row_builds_and_passes_its_tests(empty_build: Dbt) -> None:
    manifest = empty_build.manifest()
    marts = [node for node in manifest["nodes"].values() if node.get("schema") == "marts"]
    assert len(marts) >= 23
