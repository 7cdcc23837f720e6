from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal, InvalidOperation

import pytest

from tests.ingestion.demo.conftest import Made
from tests.ingestion.demo.lives import life_findings
from tests.ingestion.demo.site import findings

RULES = {
    "score_out_of_bounds": 7, "grade_mismatch": 3, "orphaned_attempt": 2, "duplicate_grade": 2, "repeated_event": 1,
    "event_flood": 1, "attempt_without_event": 1, "event_without_attempt": 1, "lost_terminal": 1,
    "completed_before_started": 1, "terminal_regressed": 1, "contradictory_verdict": 1, "double_channel": 1,
    "over_cap": 1, "event_out_of_contract": 1,
}  # fmt: skip

# The row that a finding of the rule names, by the changed table or the key in the list.
SUBJECT = {
    "attempt-without-quiz": ("quiz_attempts", "attempt"),
    "attempt-without-usage": ("quiz_attempts", "attempt"),
    "attempt-sum-over-slots": ("quiz_attempts", "attempt"),
    "package-score-over-maximum": ("exelearning_attempt", "attempt_row"),
    "fraction-over-maximum": ("question_attempt_steps", "step"),
    "fraction-under-minimum": ("question_attempt_steps", "step"),
    "grade-over-manual-maximum": ("grade_grades", "grade_row"),
    "grade-over-assignment-maximum": ("grade_grades", "grade_row"),
    "override-over-quiz-maximum": ("grade_grades", "grade_row"),
    "quiz-grade-raised": ("quiz_grades", "quiz_grade"),
    "quiz-grade-raised-and-pushed": ("quiz_grades", "quiz_grade"),
    "gradebook-grade-changed": ("quiz_grades", "quiz_grade"),
    "quiz-grade-doubled-1": ("quiz_grades", "quiz_grade"),
    "quiz-grade-doubled-2": ("quiz_grades", "quiz_grade"),
    "attempt-submitted-again": ("quiz_attempts", "attempt"),
    "attempt-flooded": ("quiz_attempts", "attempt"),
    "attempt-start-unlogged": ("quiz_attempts", "attempt"),
    "attempt-rows-removed": ("logstore_standard_log", "started_log"),
    "verdict-lost": ("exelearning_attempt", "part_row"),
    "attempt-completed-first": ("logstore_standard_log", "completed_log"),
    "attempt-taken-back": ("exelearning_attempt", "attempt_row"),
    "verdicts-contradict": ("exelearning_attempt", "attempt_row"),
    "page-load-graded-twice": ("exelearning_attempt", "part_row"),
    "attempt-over-cap": ("exelearning_attempt", "last_row"),
    "log-entry-out-of-contract": ("logstore_standard_log", "log"),
}


@pytest.fixture
def faults(faulty: Made) -> list[dict]:
    return json.loads(faulty.institution.faults.read_text(encoding="utf-8"))


def test_the_list_names_each_fault_with_its_rule_keys_and_expectation(faults: list[dict]) -> None:
    assert Counter(fault["rule"] for fault in faults) == RULES
    assert {fault["id"] for fault in faults} == set(SUBJECT)
    for fault in faults:
        assert set(fault) == {"id", "rule", "title", "source", "keys", "changes", "expect"}
        assert fault["expect"] == {"anomaly_rule": fault["rule"], "count": 1}
        assert all(isinstance(value, int) for value in fault["keys"].values())
        assert {"course", "user"} <= set(fault["keys"])


def test_the_listed_faults_are_found_and_no_others(faulty: Made, faults: list[dict]) -> None:
    listed = {(fault["rule"], SUBJECT[fault["id"]][0], fault["keys"][SUBJECT[fault["id"]][1]]) for fault in faults}
    assert findings(faulty.site) | life_findings(faulty.site) == listed


def test_every_change_listed_is_in_the_data(faulty: Made, clean: Made, faults: list[dict]) -> None:
    for change in (change for fault in faults for change in fault["changes"]):
        table, row_id = change["table"], change["id"]
        if "column" in change:
            sql = f"SELECT CAST({change['column']} AS TEXT) FROM mdl_{table} WHERE id = ?"
            assert same(faulty.site.value(sql, row_id), change["after"])
            assert not same(change["after"], change["before"])
            assert same(clean.site.value(sql, row_id), change["before"])
        else:
            sql = f"SELECT count(*) FROM mdl_{table} WHERE id = ?"
            counts = faulty.site.value(sql, row_id), clean.site.value(sql, row_id)
            assert counts == ((1, 0) if change.get("inserted") else (0, 1))


def same(one: object, other: object) -> bool:
    """Equal as numbers, or as words."""
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return one == other


def test_planting_touches_nothing_but_the_victims(faulty: Made, clean: Made) -> None:
    tables = [row[0] for row in clean.site.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    before = {(table, tuple(row)) for table in tables for row in clean.site.rows(f'SELECT * FROM "{table}"')}
    after = {(table, tuple(row)) for table in tables for row in faulty.site.rows(f'SELECT * FROM "{table}"')}
    gone, new = Counter(table for table, _ in before - after), Counter(table for table, _ in after - before)
    assert new == {
        "mdl_grade_grades": 5, "mdl_quiz_grades": 4, "mdl_quiz_attempts": 3, "mdl_question_attempt_steps": 2,
        "mdl_course_sections": 1, "mdl_logstore_standard_log": 20, "mdl_exelearning_attempt": 9,
        "mdl_exelearning_tracking_events": 1,
    }  # fmt: skip
    assert gone["mdl_quiz"] == gone["mdl_course_modules"] == gone["mdl_question_usages"] == 1
    assert sum(gone.values()) < 60


def test_no_person_is_hit_by_two_faults(faults: list[dict]) -> None:
    people = [fault["keys"]["user"] for fault in faults]
    assert len(people) == len(set(people))


def test_an_attempt_changed_by_a_fault_gives_no_grade(faulty: Made, faults: list[dict]) -> None:
    for fault in faults:
        if fault["id"].startswith(("fraction", "attempt-sum", "attempt-without-usage")):
            series = faulty.site.attempts[fault["keys"]["quiz"], fault["keys"]["user"]]
            method = faulty.site.quizzes[fault["keys"]["quiz"]]["grademethod"]
            giving = max(series, key=lambda row: row["sumgrades"] or 0) if method == 1 else series[0]
            assert giving["id"] != fault["keys"]["attempt"]
