"""The source's breaches block only when they multiply."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from serving.audit.growth import Waiver
from serving.errors import ServingError

RULE = "score_out_of_bounds"  # covers 500 grades (five findings are one percent), 10 attempts and 1600 questions


def gate(report):
    [result] = [result for result in report.results if result.check == RULE]
    return result


@pytest.fixture
def gated(candidate, without_suites):
    return candidate


# findings now, findings live, percent that may grow, whether it blocks
CASES = [
    ("five percent of final grades", 25, 0, "1", True),
    ("one", 1, 0, "1", False),
    ("just what may grow", 5, 0, "1", False),
    ("one more than what may grow", 6, 0, "1", True),
    ("many, but no more than before", 100, 100, "1", False),
    ("fewer than before", 3, 100, "1", False),
    ("a wider limit", 25, 0, "5", False),
    ("a limit between whole percents", 8, 0, "1.5", True),
    ("no growth allowed", 1, 0, "0", True),
]


@pytest.mark.parametrize(("now", "live", "percent", "blocks"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_findings_may_grow_by_so_much(gated, now, live, percent, blocks):
    gated.find(RULE, range(now))
    report = gated.audit(gated.live(RULE, range(live)), max_growth_percent=Decimal(percent))
    result = gate(report)
    assert (result.blocks, result.passed, report.blocked) == (blocks, not blocks, blocks)
    assert (result.kind, result.rows_checked, result.rows_failed) == ("source", 2110, now)
    assert len(result.evidence) == min(now, 20)


def test_a_warning_tells_of_its_growth_and_stops_nothing(gated):
    gated.find("lost_terminal", range(40), subject="attempt")
    report = gated.audit(gated.live("lost_terminal", range(2), subject="attempt"))
    [result] = [result for result in report.results if result.check == "lost_terminal"]
    assert (result.passed, result.blocks, report.blocked) == (False, False, False)
    assert result.message.endswith(
        "+38 against the live release: more than the 1 % that may grow; a warning, which stops nothing."
    )


# findings now by subject, whether they block, how the sentence begins
SUBJECTS = [
    ({"grade": 2}, False, "found 2 in the 500 grades that it covers, +2 against the live release: within the 1 %"),
    ({"attempt": 1}, False, "found 1 in the 10 attempts that it covers, +1 against"),
    ({"attempt": 2}, True, "found 2 in the 10 attempts that it covers, +2 against the live release: more than the 1 %"),
    ({"question": 16}, False, "found 16 in the 1600 questions that it covers, +16 against"),
    ({"question": 17}, True, "found 17 in the 1600 questions that it covers, +17 against"),
    (
        {"grade": 5, "attempt": 1, "question": 16},
        False,
        "found 1 in the 10 attempts that it covers (besides 5 in 500 grades and 16 in 1600 questions), +1 against",
    ),
    (
        {"grade": 6, "attempt": 1},
        True,
        "found 6 in the 500 grades that it covers (besides 1 in 10 attempts), +6 against",
    ),
    ({}, False, "found none in the 2110 rows that it covers, +0 against the live release: within the 1 %"),
]


@pytest.mark.parametrize(("now", "blocks", "sentence"), SUBJECTS, ids=[str(case[0]) for case in SUBJECTS])
def test_each_kind_of_score_is_judged_against_its_own_rows(gated, now, blocks, sentence):
    for subject, findings in now.items():
        gated.find(RULE, range(findings), subject)
    result = gate(gated.audit(gated.live()))
    assert (result.blocks, result.passed, result.rows_checked) == (blocks, not blocks, 2110)
    assert result.rows_failed == sum(now.values())
    assert result.message.startswith(f"{RULE} {sentence}")


def test_two_bad_grades_among_thousands_are_not_held_against_ten_attempts(gated):
    gated.spoil("update intermediate.int_rule_coverage set rows_covered = 20000 where subject = 'grade'")
    assert not gated.find(RULE, range(2)).audit(gated.live()).blocked


def test_findings_that_vanish_from_one_subject_do_not_make_room_in_another(gated):
    live = gated.live(RULE, range(400))
    result = gate(gated.find(RULE, range(5), "attempt").audit(live))
    assert result.blocks
    assert "found 5 in the 10 attempts that it covers, +5 against" in result.message


def test_evidence_begins_with_the_subject_that_the_sentence_names(gated):
    gated.find(RULE, [1], "attempt").find(RULE, range(17), "question")
    result = gate(gated.audit(gated.live()))
    assert "found 17 in the 1600 questions that it covers (besides 1 in 10 attempts)" in result.message
    keys = [row["anomaly_key"] for row in result.evidence]
    assert (len(keys), keys[-1]) == (18, f"{RULE}:attempt/1")


# findings of the live release, findings now, whether the gate blocks
WITHOUT_SUBJECT = [
    ("the same findings", "attempt", range(8), "attempt", range(8), False),
    ("as many others of the same subject", "attempt", range(8), "attempt", range(50, 58), False),
    ("others of another subject", "grade", range(8), "attempt", range(8), True),
    ("a subject that no key tells", "of_old", range(8), "attempt", range(8), True),
]


@pytest.mark.parametrize(
    ("subject", "live", "subject_now", "now", "blocks"),
    [case[1:] for case in WITHOUT_SUBJECT],
    ids=[case[0] for case in WITHOUT_SUBJECT],
)
def test_a_live_release_of_before_subjects_is_asked_by_its_keys(gated, subject, live, subject_now, now, blocks):
    older = gated.live(RULE, live, subject=subject, is_told=False)
    assert gate(gated.find(RULE, now, subject_now).audit(older)).blocks == blocks


def test_a_rule_with_one_subject_needs_no_key_that_tells_it(gated):
    older = gated.live("grade_mismatch", range(50), subject="campus:quiz:1", is_told=False)
    report = gated.find("grade_mismatch", range(50), "grade").audit(older)
    assert not report.blocked


def test_a_single_new_finding_is_published_around_however_small_the_site(gated):
    few = "update intermediate.int_rule_coverage set rows_covered = 20"
    live = gated.live()
    assert not gated.spoil(few).find(RULE, [1]).audit(live).blocked
    assert gated.find(RULE, [2]).audit(live).blocked


def test_a_first_load_never_blocks(gated):
    report = gated.find(RULE, range(400)).audit(None)
    assert not report.blocked
    assert gate(report).rows_failed == 400
    assert "none to compare with" in gate(report).message


def test_a_finding_of_no_rule_that_covers_rows_grows_without_limit(gated):
    gated.find("unheard_of", [1])
    report = gated.audit(gated.live())
    assert {result.check for result in report.results if result.blocks} == {"unheard_of"}


def test_a_live_release_without_findings_table_has_none(gated):
    live = gated.live()
    import duckdb

    with duckdb.connect(str(live)) as connection:
        connection.execute("drop table marts.rpt_anomalies")
    assert gate(gated.find(RULE, range(6)).audit(live)).blocks


@pytest.mark.parametrize(
    ("checks", "blocks"),
    [
        (None, True),
        ([], True),
        ([{"check": "grade_mismatch", "kind": "source", "mart": "rpt_anomalies"}], False),
        ([{"check": RULE, "kind": "source", "mart": "rpt_anomalies"}], True),
        ([{"check": "fct_attempts__x", "kind": "source", "mart": "fct_attempts"}], True),
    ],
    ids=[
        "no manifest",
        "no checks told",
        "a rule younger than the live release",
        "a rule it knew",
        "only other checks",
    ],
)
def test_a_rule_that_the_live_release_did_not_know_is_a_first_load_of_its_own(gated, checks, blocks):
    live = gated.live(checks=checks)
    assert gate(gated.find(RULE, range(50)).audit(live)).blocks == blocks


def test_evidence_shows_what_is_new(gated):
    live = gated.live(RULE, range(100))
    result = gate(gated.find(RULE, range(110)).audit(live))
    assert [row["anomaly_key"] for row in result.evidence] == [f"{RULE}:grade/{key}" for key in range(100, 110)]
    assert set(result.evidence[0]) <= {"anomaly_key", "source", "activity_key", "attempt_key", "user_key"}


TOMORROW = date(2026, 10, 2)

# waivers of all 25 findings' keys but these, whether the gate still blocks
WAIVERS = [
    ("each by its key", [{"check": RULE, "key": f"{RULE}:grade/{key}", "until": TOMORROW} for key in range(25)], 0),
    ("all but ten", [{"check": RULE, "key": f"{RULE}:grade/{key}", "until": TOMORROW} for key in range(15)], 10),
    ("the whole rule", [{"check": RULE, "key": "*", "until": TOMORROW}], 0),
    ("the last day counts whole", [{"check": RULE, "key": "*", "until": "2026-10-01"}], 0),
    ("expired yesterday", [{"check": RULE, "key": "*", "until": "2026-09-30"}], 25),
    ("expired an hour ago", [{"check": RULE, "key": "*", "until": datetime(2026, 10, 1, 5, tzinfo=UTC)}], 25),
    ("of another rule", [{"check": "grade_mismatch", "key": "*", "until": TOMORROW}], 25),
]


@pytest.mark.parametrize(("waivers", "left"), [w[1:] for w in WAIVERS], ids=[w[0] for w in WAIVERS])
def test_waived_findings_are_left_out(gated, waivers, left):
    result = gate(gated.find(RULE, range(25)).audit(gated.live(), waivers))
    assert result.rows_failed == left
    assert result.blocks == (left > 5)
    assert ("waived" in result.message) == (left < 25)


def test_a_waived_finding_counts_on_neither_side(gated):
    live = gated.live(RULE, range(10))
    waivers = [{"check": RULE, "key": f"{RULE}:grade/{key}", "until": TOMORROW} for key in range(10)]
    assert not gate(gated.find(RULE, range(15)).audit(live, waivers)).blocks
    gated.find(RULE, [90])
    assert gate(gated.audit(live, waivers)).blocks


@pytest.mark.parametrize(
    "stored", [{}, {"check": RULE, "key": "*", "until": "soon"}, {"check": RULE, "key": "*", "until": 5}]
)
def test_a_waiver_that_makes_no_sense_is_one_sentence(stored):
    with pytest.raises(ServingError, match="A waiver needs a check, a key and a date"):
        Waiver.of(stored)


def test_a_waiver_without_time_zone_is_in_utc():
    waiver = Waiver.of({"check": RULE, "key": "*", "until": "2026-10-01T12:00:00"})
    noon = datetime(2026, 10, 1, 12, tzinfo=UTC)
    assert waiver.covers(RULE, "any", noon - timedelta(seconds=1))
    assert not waiver.covers(RULE, "any", noon)
