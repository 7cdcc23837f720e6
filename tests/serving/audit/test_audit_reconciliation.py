"""A row lost, invented, doubled or changed between landing's files, landing's tables and the marts is found."""

from __future__ import annotations

import json

import pytest

# The fault, what it does, the checks that find it, and the problem that the first one's evidence names.
FAULTS = [
    ("an attempt lost", "delete from marts.fct_attempts where attempt_key = 'campus:quiz:511'",
     {"reconciliation__quiz_attempts"}, "lost"),
    ("an attempt invented", "insert into marts.fct_attempts select * replace ('campus:quiz:77' as attempt_key)"
     " from marts.fct_attempts limit 1", {"reconciliation__quiz_attempts"}, "invented"),
    ("an attempt doubled", "insert into marts.fct_attempts select * from marts.fct_attempts limit 1",
     {"reconciliation__quiz_attempts"}, "doubled"),
    ("a score changed", "update marts.fct_attempts set raw_score = raw_score + 0.001"
     " where attempt_key = 'campus:quiz:511'",
     {"reconciliation__quiz_attempts"}, "changed"),
    ("a sound score withheld", "update marts.fct_attempts set raw_score = null where attempt_key = 'campus:quiz:511'",
     {"reconciliation__quiz_attempts"}, "withheld within its bounds"),
    ("an eXeLearning attempt lost", "insert into landing.moodle_exelearning_attempt"
     " values ('campus', 7, 1, 5, 1, 0, 50, 100, 0.5)", {"reconciliation__exelearning_attempts"}, "lost"),
    ("an eXeLearning attempt invented", "insert into marts.fct_attempts select * replace"
     " ('campus:exelearning:7' as attempt_key, 'exelearning' as activity_type) from marts.fct_attempts limit 1",
     {"reconciliation__exelearning_attempts"}, "invented"),
    ("the score of a part taken for that of the whole", "insert into landing.moodle_exelearning_attempt"
     " values ('campus', 7, 1, 5, 1, 1, 90, 100, 0.9), ('campus', 8, 1, 5, 1, 0, 50, 100, 0.5);"
     " insert into marts.fct_attempts select * replace ('campus:exelearning:7' as attempt_key,"
     " 'exelearning' as activity_type, 90 as raw_score) from marts.fct_attempts limit 1",
     {"reconciliation__exelearning_attempts"}, "changed"),
    ("a SCORM attempt lost", "insert into landing.moodle_scorm_attempt values ('campus', 7, 1, 5, 1)",
     {"reconciliation__scorm_attempts"}, "lost"),
    ("a SCORM attempt of the old table lost", "insert into landing.moodle_scorm_scoes_track"
     " values ('campus', 7, 1, 5, 1), ('campus', 8, 1, 5, 1)", {"reconciliation__scorm_attempts"}, "lost"),
    ("a SCORM attempt of both tables doubled", "insert into landing.moodle_scorm_attempt values ('campus', 7, 1, 5, 1);"
     " insert into landing.moodle_scorm_scoes_track values ('campus', 9, 1, 5, 1);"
     " insert into marts.fct_attempts select * replace (unnest(['campus:scorm:7', 'campus:scorm:t9']) as attempt_key,"
     " 'scorm' as activity_type) from (from marts.fct_attempts limit 1)",
     {"reconciliation__scorm_attempts"}, "invented"),
    ("an event of the log lost", "delete from marts.fct_attempt_events where attempt_key = 'campus:quiz:511'"
     " and event = 'submitted'", {"reconciliation__attempt_events"}, "lost"),
    ("an event that was never logged", "insert into marts.fct_attempt_events select * replace ('999' as log_id)"
     " from marts.fct_attempt_events where source_of_event = 'log' limit 1",
     {"reconciliation__attempt_events"}, "invented"),
    ("an entry of the log that counts twice", "insert into marts.fct_attempt_events"
     " select * from marts.fct_attempt_events where attempt_key = 'campus:quiz:511' and event = 'submitted'",
     {"reconciliation__attempt_events"}, "doubled"),
    ("an entry of the log in Moodle's older form lost", "insert into landing.moodle_logstore_standard_log values"
     " ('campus', 1, 7, '\\mod_exelearning\\event\\attempt_completed', 'mod_exelearning', 1, 5,"
     " 'a:2:{s:7:\"attempt\";i:2;s:6:\"status\";s:6:\"passed\";}', 1790000000)",
     {"reconciliation__attempt_events"}, "lost"),
    ("a stored grade lost", "update marts.fct_grades set grade = null where activity_key = 'campus:quiz:1'"
     " and user_key = md5('u5')", {"reconciliation__quiz_grades"}, "lost"),
    ("a stored grade changed", "update marts.fct_grades set grade = grade + 1 where activity_key = 'campus:quiz:1'"
     " and user_key = md5('u5')", {"reconciliation__quiz_grades"}, "changed"),
    ("a gradebook grade lost", "delete from marts.fct_gradebook_grades where grade_item_key = 'campus:5'"
     " and user_key = md5('u5')", {"reconciliation__grades"}, "lost"),
    ("a sound final grade withheld", "update marts.fct_gradebook_grades set grade = null"
     " where grade_item_key = 'campus:5' and user_key = md5('u5')",
     {"reconciliation__grades"}, "withheld within its bounds"),
    ("a completion lost", "delete from marts.fct_activity_completions where completion_key = 'campus:11005'",
     {"reconciliation__activity_completions"}, "lost"),
    ("a completion state changed", "update marts.fct_activity_completions set state = 'complete_fail'"
     " where completion_key = 'campus:11005'", {"reconciliation__activity_completions"}, "changed"),
    ("an enrolment lost", "delete from marts.fct_enrolments where enrolment_key = 'campus:5'",
     {"reconciliation__enrolments"}, "lost"),
    ("an enrolment invented", "insert into marts.fct_enrolments select * replace ('campus:5000' as enrolment_key)"
     " from marts.fct_enrolments limit 1", {"reconciliation__enrolments"}, "invented"),
    ("a ledger that does not add up", "update landing.batches set duplicate = duplicate + 1 where stream = 'quiz'"
     " and batch_id = 1", {"reconciliation__ledger", "reconciliation__manifests"}, None),
    ("a batch counted otherwise", "update landing.batches set received = received + 1, accepted = accepted + 1"
     " where stream = 'quiz_attempts' and batch_id = 2", {"reconciliation__manifests"},
     "counted otherwise in the warehouse"),
    ("a batch not taken", "delete from landing.batches where stream = 'quiz_attempts' and batch_id = 2",
     {"reconciliation__manifests"}, "not in the warehouse"),
    ("a batch taken twice", "insert into landing.batches select * from landing.batches where batch_id = 2",
     {"reconciliation__manifests"}, "twice in the warehouse"),
    ("a batch that nobody committed", "insert into landing.batches values ('campus', 'quiz', 3, 0, 0, 0, 0, 0, 0)",
     {"reconciliation__manifests"}, "no manifest commits it"),
    ("an older version kept", "update landing.moodle_user_enrolments set _batch_id = 1 where id = 60",
     {"reconciliation__landed_state"}, "of another batch"),
    ("a landed row lost", "delete from landing.moodle_user_enrolments where id = 900",
     {"reconciliation__landed_state"}, "lost"),
    ("a deleted row that came back", "insert into landing.moodle_course_modules_completion"
     " values ('campus', 1, 999999, 11, 1, 1)",
     {"reconciliation__activity_completions", "reconciliation__landed_state"}, None),
    ("a computed grade changed", "update marts.fct_grades set computed_grade = computed_grade + 0.0001"
     " where activity_key = 'campus:quiz:2' and user_key = md5('u5')", {"independent__quiz_grades"}, "different"),
    ("a computed grade lost", "update marts.fct_grades set computed_grade = null where activity_key = 'campus:quiz:2'"
     " and user_key = md5('u5')", {"independent__quiz_grades"}, "missing in the mart"),
    ("a computed grade invented", "update marts.fct_grades set computed_grade = 5 where computed_grade is null"
     " and user_key = md5('u20')", {"independent__quiz_grades"}, "only in the mart"),
    ("a quiz's grades dropped", "delete from marts.fct_grades where activity_key = 'campus:quiz:3'",
     {"reconciliation__quiz_grades", "independent__quiz_grades"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "found_by", "problem"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_each_fault_is_found_and_blocks(candidate, without_suites, failing, fault, found_by, problem):
    report = candidate.spoil(fault).audit()
    assert failing(report) == found_by
    assert report.blocked
    for result in report.failures:
        assert result.kind == "ours"
        assert result.blocks
        assert 0 < len(result.evidence) <= 20
        assert "\n" not in result.message
    if problem:
        assert report.failures[0].evidence[0]["problem"] == problem


def test_a_value_out_of_its_bounds_may_be_withheld(candidate, without_suites, failing):
    candidate.spoil(
        "update landing.moodle_quiz_attempts set sumgrades = 99 where id = 523",
        "update marts.fct_attempts set raw_score = null where attempt_key = 'campus:quiz:523'",
        "update landing.moodle_grade_grades set finalgrade = 900 where id = 5005",
        "update marts.fct_gradebook_grades set grade = null where grade_item_key = 'campus:5' and user_key = md5('u5')",
    )
    assert failing(candidate.audit()) == set()


def test_rows_left_out_by_a_rule_are_counted_not_missed(candidate, without_suites):
    [result] = [r for r in candidate.audit().results if r.check == "reconciliation__enrolments"]
    assert result.passed
    assert result.message.endswith("Left out: 1 (it is in the site course).")
    assert result.rows_checked == 101


def test_orphans_of_the_source_may_stay_out_of_the_marts_or_be_in_them(candidate, without_suites, failing):
    candidate.spoil(
        "delete from landing.moodle_grade_items where id = 5",
        "delete from marts.fct_gradebook_grades where grade_item_key = 'campus:5' and user_key < '8'",
    )
    assert failing(candidate.audit()) == set()


def test_two_stored_grades_of_one_quiz_are_one_published_grade(candidate, without_suites, failing):
    candidate.spoil(
        "insert into landing.moodle_quiz_grades select * replace (77 as id, 3 as grade) from landing.moodle_quiz_grades"
        " where quiz = 1 and userid = 5"
    )
    assert failing(candidate.audit()) == {"reconciliation__landed_state"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda manifest: manifest.unlink(), "landing has no manifest of it"),
        (lambda manifest: manifest.write_text("{"), "cannot be read"),
        (lambda manifest: manifest.write_text("{}"), "cannot be read"),
        (lambda manifest: (manifest.parents[1] / "quiz/00000001.parquet").unlink(), "which is missing"),
    ],
    ids=["no manifest", "a torn manifest", "a strange manifest", "a missing file"],
)
def test_a_damaged_landing_is_one_clear_failure(candidate, without_suites, failing, change, said):
    change(candidate.manifest(2) if said != "cannot be read" else candidate.manifest(1))
    report = candidate.audit()
    assert failing(report) == {"reconciliation__manifests"}
    assert said in report.failures[0].message
    assert report.blocked


def test_a_file_that_is_no_parquet_is_told(candidate, without_suites, failing):
    (candidate.landing / "campus/quiz_attempts/00000001.parquet").write_bytes(b"no parquet at all")
    report = candidate.audit()
    assert failing(report) == {"reconciliation__landed_state", "independent__quiz_grades"}


def test_a_file_with_other_rows_than_its_ledger_is_found(candidate, without_suites, failing):
    document = json.loads(candidate.manifest(1).read_text())
    document["streams"]["quiz"]["rows"] += 1
    candidate.manifest(1).write_text(json.dumps(document))
    assert failing(candidate.audit()) == {"reconciliation__manifests"}
    document["amended_by"] = {"reason": "erasure"}
    candidate.manifest(1).write_text(json.dumps(document))
    assert failing(candidate.audit()) == set()


def test_batches_that_the_warehouse_has_not_taken_yet_are_left_alone(candidate, without_suites, failing):
    later = json.loads(candidate.manifest(2).read_text()) | {"batch_id": 3}
    candidate.manifest(3).write_text(json.dumps(later))
    assert failing(candidate.audit()) == set()


def test_a_stream_of_which_nothing_ever_landed_is_sound(candidate, without_suites, failing):
    for batch_id in (1, 2):
        manifest = json.loads(candidate.manifest(batch_id).read_text())
        manifest["streams"].pop("course_modules_completion", None)
        candidate.manifest(batch_id).write_text(json.dumps(manifest))
    candidate.spoil(
        "delete from landing.moodle_course_modules_completion",
        "delete from marts.fct_activity_completions",
        "delete from landing.batches where stream = 'course_modules_completion'",
    )
    assert failing(candidate.audit()) == set()
