from __future__ import annotations

from typing import Any

from ingestion.moodle.doctor import Finding, examine
from ingestion.moodle.source import MoodleSource

T0 = 1_780_000_000


def indexes(site: Any, least: int) -> list[Finding]:
    found = examine(MoodleSource("campus", site.url), scan_matters_rows=least)
    return [finding for finding in found if finding.topic == "indexes"]


def test_a_scan_of_a_large_table_is_shown_with_its_plan_until_an_index_is_made(site: Any) -> None:
    for number in range(3):
        site.attempt(number + 1, user=5, at=T0)
    attempts, question_attempts = indexes(site, least=3)
    assert attempts.what == "every sync scans the 3 rows of quiz_attempts for its timemodified: SCAN t"
    assert "6 rows of question_attempts" in question_attempts.what
    for finding in (attempts, question_attempts):
        assert finding.level == "warn"
        site.connection.execute(finding.mend.partition(": ")[2])
    assert [finding.level for finding in indexes(site, least=3)] == ["ok"]


def test_a_scan_of_a_small_table_is_no_finding(site: Any) -> None:
    site.attempt(1, user=5, at=T0)
    assert [finding.level for finding in indexes(site, least=3)] == ["ok"]


def test_an_index_on_something_else_does_not_silence_the_warning(site: Any) -> None:
    for number in range(3):
        site.insert("user_enrolments", id=number, userid=number, timemodified=T0)
    site.connection.execute("create index other on mdl_user_enrolments (userid, timemodified)")
    assert [finding.level for finding in indexes(site, least=3)] == ["warn"]
