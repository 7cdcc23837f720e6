"""The audit as a whole: a clean candidate, and candidates that are broken so that no check can be made."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal

import duckdb
import pytest

from serving.audit import run_audit
from serving.errors import ServingError


def test_a_clean_candidate_passes_every_check(candidate):
    report = candidate.audit(candidate.live())
    assert [(result.check, result.message, result.evidence) for result in report.failures] == []
    assert not report.blocked
    names = [result.check for result in report.results]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() for name in names)
    for result in report.results:
        assert result.message.endswith(".")
        assert result.evidence == []
        json.dumps(result.as_row())


def test_the_audit_leaves_the_warehouse_as_it_was_and_free(candidate):
    before = candidate.warehouse.read_bytes()
    candidate.audit(candidate.live())
    assert candidate.warehouse.read_bytes() == before
    with duckdb.connect(str(candidate.warehouse)) as connection:
        connection.execute("create table marts.anything (a integer)")


def test_five_percent_of_final_grades_out_of_bounds_block_and_one_does_not(candidate):
    withhold = """
        update landing.moodle_grade_grades set finalgrade = 900 where itemid = 5 and userid <= {0};
        update marts.fct_gradebook_grades set grade = null where grade_item_key = 'campus:5'
            and user_key in (select user_key from landing.user_keys where user_id <= {0});
        update marts.fct_course_grades set grade = null
            where user_key in (select user_key from landing.user_keys where user_id <= {0});
    """
    live = candidate.live("score_out_of_bounds", [])
    candidate.spoil(withhold.format(1)).find("score_out_of_bounds", [1])
    assert not candidate.audit(live).blocked
    candidate.spoil(withhold.format(25)).find("score_out_of_bounds", range(2, 26))
    report = candidate.audit(live)
    assert [(result.check, result.kind) for result in report.results if result.blocks] == [
        ("score_out_of_bounds", "source")
    ]
    assert len(report.failures[0].evidence) == 20


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("drop table marts.fct_grades", {"fct_grades__structure": "The warehouse has no table marts.fct_grades."}),
        (
            "drop table marts.rpt_anomalies",
            {"rpt_anomalies__structure": "The warehouse has no table marts.rpt_anomalies."},
        ),
        ("drop schema marts cascade", None),
        (
            "alter table marts.fct_grades drop column computed_grade",
            {"fct_grades__structure": "marts.fct_grades lacks computed_grade."},
        ),
        (
            "drop table landing.moodle_quiz_grades",
            {"moodle_quiz_grades__structure": "The warehouse has no table landing.moodle_quiz_grades."},
        ),
        ("drop table landing.sources", {"sources__structure": "The warehouse has no table landing.sources."}),
        (
            "drop table intermediate.int_rule_coverage",
            {"int_rule_coverage__structure": "The warehouse has no table intermediate.int_rule_coverage."},
        ),
        (
            "alter table marts.dim_users add column email varchar",
            {
                "dim_users__structure": "1 of 3 columns break the law: "
                "dim_users has the columns that others rely on, and none that names a person."
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_broken_candidate_is_one_clear_failure(candidate, fault, expected):
    report = candidate.spoil(fault).audit()
    assert report.blocked
    failures = {result.check: result.message for result in report.failures}
    if expected is None:
        assert {check.removesuffix("__structure") for check in failures} == set(candidate.primary_keys)
    else:
        assert failures == expected


def test_a_column_of_another_type_is_a_failure_not_a_traceback(candidate):
    candidate.spoil("alter table marts.fct_attempts alter raw_score type varchar using 'ten'")
    report = candidate.audit()
    assert report.blocked
    assert "reconciliation__quiz_attempts" in {result.check for result in report.failures}
    assert all("\n" not in result.message for result in report.failures)


def test_an_empty_warehouse_of_no_source_passes(candidate):
    tables = duckdb.connect(str(candidate.warehouse), read_only=True)
    names = tables.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
    tables.close()
    candidate.spoil(*(f"delete from {name}" for (name,) in names))
    report = candidate.audit()
    assert [(result.check, result.message) for result in report.failures] == []


def test_no_warehouse_is_one_sentence(tmp_path, candidate):
    with pytest.raises(ServingError, match="There is no warehouse to audit"):
        run_audit(
            tmp_path / "none.duckdb", tmp_path, None, max_growth_percent=Decimal(1), waivers=[], primary_keys={},
            checked_at=candidate.checked_at,
        )  # fmt: skip


def test_a_warehouse_that_is_no_database_is_one_sentence(candidate):
    candidate.warehouse.write_bytes(b"not a database" * 1000)
    with pytest.raises(ServingError, match="cannot be opened for the audit"):
        candidate.audit()


def test_importing_the_audit_imports_no_great_expectations():
    code = "import sys, serving.audit; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
