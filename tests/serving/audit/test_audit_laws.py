"""Each law of the marts fires on the fault that it exists for, and on nothing else."""

from __future__ import annotations

import subprocess
import sys
from os import environ
from pathlib import Path

import pytest

from serving.audit import laws as declared
from serving.audit.laws import Law
from serving.audit.suites import check_laws

FIRST = "attempt_key = 'campus:quiz:511'"
GRADE = "activity_key = 'campus:quiz:1' and user_key = md5('u5')"

# The fault, the mart it is in, and every law that it breaks there.
FAULTS = [
    ("an attempt doubled", "fct_attempts", {"key_is_unique", "one_graded_attempt"},
     "insert into marts.fct_attempts select * from marts.fct_attempts where user_key = md5('u3') and is_graded_attempt"
     " and activity_key = 'campus:quiz:1'"),
    ("a key lost", "fct_enrolments", {"key_is_there"},
     "update marts.fct_enrolments set enrolment_key = null where user_key = md5('u5')"),
    ("a grade twice under two keys", "fct_grades", {"grain_is_unique"},
     "insert into marts.fct_grades select * replace (grade_key || 'x' as grade_key)"
     f" from marts.fct_grades where {GRADE}"),
    ("an unknown state", "fct_attempts", {"state_is_known"},
     f"update marts.fct_attempts set state = 'paused' where {FIRST}"),
    ("a state lost", "fct_attempts", {"state_is_there"}, f"update marts.fct_attempts set state = null where {FIRST}"),
    ("an unknown outcome", "fct_attempts", {"outcome_is_known"},
     f"update marts.fct_attempts set outcome = 'maybe' where {FIRST}"),
    ("an unknown completion state", "fct_activity_completions", {"state_is_known"},
     "update marts.fct_activity_completions set state = 'done' where user_key = md5('u5')"),
    ("an unknown course status", "fct_course_completions", {"status_is_known"},
     "update marts.fct_course_completions set status = 'open' where user_key = md5('u5')"),
    ("a score above its slots", "fct_attempts", {"score_within_its_slots"},
     f"update marts.fct_attempts set raw_score = 10.5 where {FIRST}"),
    ("a score below its slots", "fct_attempts", {"score_within_its_slots"},
     f"update marts.fct_attempts set raw_score = -0.5 where {FIRST}"),
    ("a package's score above its maximum", "fct_attempts", {"package_score_within_its_maximum"},
     "insert into landing.moodle_exelearning_attempt values ('campus', 7, 1, 5, 1, 0, 150, 100, 0.5);"
     " insert into marts.fct_attempts select * replace ('campus:exelearning:7' as attempt_key, 'exelearning' as"
     " activity_type, 150 as raw_score, false as is_graded_attempt, null as started_at, null as completed_at)"
     " from marts.fct_attempts limit 1"),
    ("a score while it needs grading", "fct_attempts", {"ungraded_has_no_score"},
     f"update marts.fct_attempts set needs_grading = true where {FIRST}"),
    ("a preview counted", "fct_attempts", {"previews_never_count"},
     "update marts.fct_attempts set is_counted = true where attempt_key = 'campus:quiz:113'"),
    ("a grade from what does not count", "fct_attempts", {"graded_attempt_is_counted"},
     "update marts.fct_attempts set is_counted = false where attempt_key = 'campus:quiz:531'"),
    ("two graded attempts", "fct_attempts", {"one_graded_attempt"},
     "update marts.fct_attempts set is_graded_attempt = true where activity_key = 'campus:quiz:3'"
     " and user_key = md5('u5')"),
    ("completed before it started", "fct_attempts", {"completed_after_started", "finished_after_started_at_source"},
     f"update marts.fct_attempts set completed_at = started_at - interval 1 second where {FIRST}"),
    ("finished before it started at the source", "fct_attempts", {"finished_after_started_at_source"},
     "update landing.moodle_quiz_attempts set timefinish = timestart - 1 where id = 511;"
     f"update marts.fct_attempts set completed_at = started_at - interval 1 second where {FIRST}"),
    ("an event under two keys", "fct_attempt_events", {"grain_is_unique", "occurrences_are_numbered_through"},
     "insert into marts.fct_attempt_events select * replace (event_key || 'x' as event_key)"
     f" from marts.fct_attempt_events where {FIRST} and event = 'submitted'"),
    ("an unknown event", "fct_attempt_events", {"event_is_known"},
     f"update marts.fct_attempt_events set event = 'paused' where {FIRST} and event = 'submitted'"),
    ("an event of no known source", "fct_attempt_events", {"source_of_event_is_known"},
     f"update marts.fct_attempt_events set source_of_event = 'rumour' where {FIRST} and event = 'completed'"),
    ("an event without a moment", "fct_attempt_events", {"occurred_at_is_there"},
     f"update marts.fct_attempt_events set occurred_at = null where {FIRST} and event = 'submitted'"),
    ("an attempt that never started", "fct_attempts", {"started_once"},
     f"delete from marts.fct_attempt_events where {FIRST} and event = 'started'"),
    ("an attempt that was completed and has no such event", "fct_attempts", {"completed_once"},
     f"delete from marts.fct_attempt_events where {FIRST} and event = 'completed'"),
    ("an attempt that started twice in one life", "fct_attempt_events",
     {"grain_is_unique", "occurrences_are_numbered_through"},
     "insert into marts.fct_attempt_events select * replace (event_key || 'x' as event_key)"
     f" from marts.fct_attempt_events where {FIRST} and event = 'started'"),
    ("an occurrence left out", "fct_attempt_events", {"occurrences_are_numbered_through"},
     f"update marts.fct_attempt_events set occurrence = 2 where {FIRST} and event = 'submitted'"),
    ("an event told by log and attempt", "fct_attempt_events", {"derived_only_where_the_log_is_silent"},
     "insert into marts.fct_attempt_events select * replace (event_key || 'x' as event_key, 2 as occurrence,"
     f" 'attempt' as source_of_event) from marts.fct_attempt_events where {FIRST} and event = 'submitted'"),
    ("an event of a preview", "fct_attempt_events", {"previews_have_no_events"},
     "insert into marts.fct_attempt_events select * replace (event_key || 'x' as event_key, 'campus:quiz:113' as"
     f" attempt_key) from marts.fct_attempt_events where {FIRST} and event = 'submitted'"),
    ("a first event said to be repeated", "fct_attempt_events", {"repeated_is_never_first"},
     f"update marts.fct_attempt_events set is_repeated = true where {FIRST} and event = 'submitted'"),
    ("a withheld final grade got through", "fct_gradebook_grades", {"grade_within_bounds"},
     "update landing.moodle_grade_grades set finalgrade = 900 where id = 1005;"
     "update marts.fct_gradebook_grades set grade = 900 where gradebook_grade_key = 'campus:1/' || md5('u5')"),
    ("a course total above its range", "fct_course_grades", {"grade_within_bounds"},
     "update landing.moodle_grade_grades set finalgrade = 900 where id = 5005;"
     "update marts.fct_course_grades set grade = 900 where user_key = md5('u5')"),
    ("a gradebook grade above its maximum", "fct_grades", {"gradebook_grade_within_bounds"},
     f"update marts.fct_grades set gradebook_grade = 100.1 where {GRADE}"),
    ("a match that is none", "fct_grades", {"parity_says_what_the_grades_say"},
     f"update marts.fct_grades set grade = grade + 1 where {GRADE}"),
    ("a mismatch that is none", "fct_grades", {"parity_says_what_the_grades_say"},
     f"update marts.fct_grades set parity = 'mismatch' where {GRADE}"),
    ("parity lost", "fct_grades", {"parity_says_what_the_grades_say"},
     f"update marts.fct_grades set parity = null where {GRADE}"),
    ("an unknown parity", "fct_grades", {"parity_is_known", "parity_says_what_the_grades_say"},
     f"update marts.fct_grades set parity = 'close' where {GRADE}"),
    ("a match explained", "fct_grades", {"a_match_needs_no_reason"},
     f"update marts.fct_grades set gradebook_reason = 'overridden' where {GRADE}"),
    ("more than all done", "fct_course_completions", {"percentage_is_one"},
     "update marts.fct_course_completions set percentage = 100.5 where user_key = md5('u5')"),
    ("progress of somebody not tracked", "fct_course_completions", {"only_tracked_learners_progress"},
     "update marts.fct_course_completions set percentage = 10 where user_key = md5('u10')"),
    ("less than nothing done", "rpt_course_progress", {"percentage_is_one"},
     "update marts.rpt_course_progress set percentage = -1 where user_key = md5('u5')"),
    ("a member twice by department", "rpt_course_progress", {"grain_is_unique"},
     "insert into marts.rpt_course_progress select * replace (progress_key || 'x' as progress_key)"
     " from marts.rpt_course_progress where user_key = md5('u5')"),
    ("a source's user id for a key", "dim_users", {"user_key_is_a_pseudonym"},
     "update marts.dim_users set user_key = 'campus:5' where user_key = md5('u5')"),
    ("a rule that covers nothing", "rpt_anomalies", {"every_rule_is_covered"},
     "insert into marts.rpt_anomalies values ('x', 'unheard_of', 'grade', 'campus', null, null, null)"),
    ("an activity with two states", "fct_activity_completions", {"grain_is_unique"},
     "insert into marts.fct_activity_completions select * replace (completion_key || 'x' as completion_key)"
     " from marts.fct_activity_completions where user_key = md5('u5') and activity_key = 'campus:quiz:1'"),
]  # fmt: skip


def check(candidate, primary_keys, mart: str):
    laws = [law for law in declared.laws(primary_keys) if law.mart == mart]
    return check_laws(candidate.warehouse, laws, primary_keys, {mart: 1000})


@pytest.mark.parametrize(
    ("mart", "broken", "fault"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_each_fault_breaks_its_laws_and_no_others(candidate, primary_keys, mart, broken, fault):
    candidate.spoil(*fault.split(";"))
    results = check(candidate, primary_keys, mart)
    failed = [result for result in results if not result.passed]
    assert {result.check.removeprefix(f"{mart}__") for result in failed} == broken
    for result in failed:
        assert result.rows_failed > 0
        assert 0 < len(result.evidence) <= 20
        grain = set(declared.GRAINS[mart]) if result.check.endswith("grain_is_unique") else {primary_keys[mart]}
        assert grain <= set(result.evidence[0])
        assert result.message.startswith(f"{result.rows_failed} of 1000 rows break the law: ")
        assert result.blocks == (result.kind == "ours")


def test_every_law_has_a_fault_that_breaks_it(primary_keys):
    covered = {f"{mart}__{name}" for _, mart, broken, _ in FAULTS for name in broken}
    own = {law.check for law in declared.laws({}) if law.expect == "no_rows" or law.check.endswith("__state_is_known")}
    assert own <= covered


def test_only_faults_of_the_source_do_not_block(primary_keys):
    of_source = {law.check for law in declared.laws(primary_keys) if law.kind == "source"}
    assert of_source == {"fct_attempts__finished_after_started_at_source", "fct_activity_completions__grain_is_unique"}


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("update landing.moodle_config set value = '1'", "the site allows unlimited grades"),
        ("update landing.moodle_grade_grades set overridden = 1, rawgrademax = 1000", "it keeps its own range"),
        ("update landing.moodle_grade_grades set locktime = 5, rawgrademax = 1000", "a lock's time has passed"),
        ("update landing.moodle_grade_items set itemtype = 'category', grademax = 1000", "it is a total"),
    ],
    ids=lambda value: value if " set " not in value else "",
)  # fmt: skip
def test_a_grade_above_its_item_is_published_when(candidate, primary_keys, fault, what):
    candidate.spoil(
        "update landing.moodle_grade_grades set finalgrade = 900 where id = 1005",
        "update marts.fct_gradebook_grades set grade = 900 where gradebook_grade_key = 'campus:1/' || md5('u5')",
        fault,
    )
    assert [
        result.message for result in check(candidate, primary_keys, "fct_gradebook_grades") if not result.passed
    ] == []


@pytest.mark.parametrize(
    "wrong",
    [
        Law("fct_grades", "broken", "It holds.", ("grade_key",), breach="m.no_such_column > 1"),
        Law("fct_grades", "broken", "It holds.", ("grade_key",), breach="cast(m.grade_key as integer) > 1"),
        Law("fct_grades", "broken", "It holds.", ("no_such_column",), "not_null"),
        Law("no_such_mart", "broken", "It holds.", ("grade_key",), breach="true"),
    ],
    ids=["an unknown column", "a cast that fails", "an unknown column of an expectation", "an unknown mart"],
)
def test_an_expectation_that_cannot_be_evaluated_is_a_failure_of_ours(candidate, primary_keys, wrong):
    sound = Law("fct_grades", "sound", "A key is there.", ("grade_key",), "not_null")
    results = {result.check: result for result in check_laws(candidate.warehouse, [wrong, sound], primary_keys, {})}
    result = results[wrong.check]
    assert not result.passed
    assert result.blocks
    assert result.kind == "ours"
    assert result.message.startswith("The law could not be checked (It holds.)")
    assert "\n" not in result.message
    assert results[sound.check].passed


def test_evidence_is_a_sample_of_many_rows(candidate, primary_keys):
    candidate.spoil("update marts.fct_attempts set state = 'paused', raw_score = 99")
    results = {result.check: result for result in check(candidate, primary_keys, "fct_attempts")}
    for name in ("state_is_known", "score_within_its_slots"):
        assert len(results[f"fct_attempts__{name}"].evidence) == 20
        assert results[f"fct_attempts__{name}"].rows_failed == 804


def test_the_gate_leaves_a_library_unloaded_that_no_law_uses():
    script = (
        "import sys, serving.audit.engine; print(type(sys.modules['scipy.stats']).__name__);"
        "from scipy import stats; print(stats.norm.cdf(0))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.split() == ["_LazyModule", "0.5"]


def test_the_laws_import_no_great_expectations():
    source = Path(declared.__file__).parent
    for module in source.glob("*.py"):
        if module.name != "engine.py":
            assert not [
                line for line in module.read_text().splitlines() if line.startswith(("import great", "from great"))
            ]
