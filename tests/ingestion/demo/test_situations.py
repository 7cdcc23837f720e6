"""What is out of the ordinary and yet right in a real Moodle is there, so that a check that cries wolf is caught."""

from __future__ import annotations

import pytest

from tests.ingestion.demo.conftest import Made
from tests.ingestion.demo.site import differ

SITUATIONS = {
    "the four ways of grading": "SELECT count(DISTINCT grademethod) = 4 FROM mdl_quiz",
    "an attempt in each state": "SELECT count(DISTINCT state) = 4 FROM mdl_quiz_attempts WHERE preview = 0",
    "previews of teachers": "SELECT count(*) > 5 FROM mdl_quiz_attempts WHERE preview = 1",
    "finished attempts that wait for a mark": "SELECT count(*) > 10 FROM mdl_quiz_attempts WHERE state = 'finished'"
    " AND sumgrades IS NULL",
    "a live autosave": "SELECT count(*) > 5 FROM mdl_question_attempt_steps WHERE sequencenumber < 0",
    "manual marks": "SELECT count(DISTINCT state) > 1 FROM mdl_question_attempt_steps WHERE state LIKE 'mangr%'",
    "negative fractions": "SELECT count(*) > 50 FROM mdl_question_attempt_steps WHERE fraction < 0",
    "quiz grades below zero": "SELECT count(*) > 0 FROM mdl_quiz_grades WHERE grade < 0",
    "quiz grades above the quiz's maximum": "SELECT count(*) > 0 FROM mdl_quiz_grades g JOIN mdl_quiz q"
    " ON q.id = g.quiz WHERE g.grade > q.grade",
    "attempts deleted, their numbers left free": "SELECT count(*) > 0 FROM (SELECT max(attempt) > count(*) AS gap"
    " FROM mdl_quiz_attempts WHERE preview = 0 GROUP BY quiz, userid) WHERE gap",
    "questions in two versions, both attempted": "SELECT count(DISTINCT v.version) = 2 FROM mdl_question_attempts qa"
    " JOIN mdl_question_versions v ON v.questionid = qa.questionid",
    "random slots": "SELECT count(*) = 3 FROM mdl_question_set_references",
    "overridden grades": "SELECT count(*) > 5 FROM mdl_grade_grades WHERE overridden > 0",
    "excluded grades": "SELECT count(*) > 5 FROM mdl_grade_grades WHERE excluded > 0"
    " AND aggregationstatus = 'excluded'",
    "hidden grades": "SELECT count(*) > 5 FROM mdl_grade_grades WHERE hidden > 0",
    "a locked grade on an old maximum": "SELECT count(*) > 0 FROM mdl_grade_grades g JOIN mdl_grade_items i"
    " ON i.id = g.itemid WHERE g.locked > 0 AND g.rawgrademax < i.grademax",
    "a course total overridden": "SELECT count(*) > 0 FROM mdl_grade_grades g JOIN mdl_grade_items i ON i.id = g.itemid"
    " WHERE i.itemtype = 'course' AND g.overridden > 0",
    "a quiz without a grade item": "SELECT count(*) = 1 FROM mdl_quiz WHERE grade = 0 AND id NOT IN"
    " (SELECT iteminstance FROM mdl_grade_items WHERE itemmodule = 'quiz')",
    "a scale": "SELECT count(*) > 5 FROM mdl_grade_grades g JOIN mdl_grade_items i ON i.id = g.itemid"
    " WHERE i.gradetype = 2 AND g.finalgrade BETWEEN 1 AND 4",
    "suspended enrolments": "SELECT count(*) > 3 FROM mdl_user_enrolments WHERE status = 1",
    "ended enrolments": "SELECT count(*) > 3 FROM mdl_user_enrolments WHERE timeend BETWEEN 1 AND {now}",
    "enrolments still to begin": "SELECT count(*) > 3 FROM mdl_user_enrolments WHERE timestart > {now}",
    "learners enrolled twice": "SELECT count(*) > 3 FROM (SELECT 1 FROM mdl_user_enrolments ue JOIN mdl_enrol e"
    " ON e.id = ue.enrolid GROUP BY courseid, userid HAVING count(*) > 1)",
    "members of a method switched off": "SELECT count(*) > 3 FROM mdl_user_enrolments ue JOIN mdl_enrol e"
    " ON e.id = ue.enrolid AND e.status = 1",
    "learners with a role of the site's own": "SELECT count(*) > 3 FROM mdl_role_assignments ra JOIN mdl_role r"
    " ON r.id = ra.roleid WHERE r.archetype = 'student' AND r.shortname <> 'student'",
    "people in two companies": "SELECT count(*) > 3 FROM (SELECT 1 FROM mdl_company_users GROUP BY userid"
    " HAVING count(DISTINCT companyid) > 1)",
    "people in two departments": "SELECT count(*) > 3 FROM (SELECT 1 FROM mdl_company_users GROUP BY userid, companyid"
    " HAVING count(DISTINCT departmentid) > 1)",
    "an empty company and a child": "SELECT count(*) = 1 AND (SELECT count(*) = 1 FROM mdl_company WHERE parentid > 0)"
    " FROM mdl_company WHERE id NOT IN (SELECT companyid FROM mdl_company_users)",
    "nested categories": "SELECT max(depth) >= 3 FROM mdl_course_categories",
    "a course without completion": "SELECT count(*) = 1 FROM mdl_course WHERE id > 1 AND enablecompletion = 0",
    "a course that is hidden and yet to begin": "SELECT count(*) = 1 FROM mdl_course WHERE visible = 0"
    " AND startdate > {now}",
    "the site's own course with an activity": "SELECT count(*) = 1 FROM mdl_course_modules WHERE course = 1",
    "an activity being deleted": "SELECT count(*) = 1 FROM mdl_course_modules WHERE deletioninprogress = 1",
    "each state of completion": "SELECT count(DISTINCT completionstate) = 4 FROM mdl_course_modules_completion",
    "completion set by a teacher": "SELECT count(*) > 0 FROM mdl_course_modules_completion WHERE overrideby > 0",
    "learners in two groups": "SELECT count(*) > 3 FROM (SELECT 1 FROM mdl_groups_members m JOIN mdl_groups g"
    " ON g.id = m.groupid GROUP BY courseid, userid HAVING count(*) > 1)",
    "names beyond ASCII": "SELECT count(*) > 50 FROM mdl_user WHERE firstname || lastname GLOB '*[^ -~]*'",
    "package attempts by statements, by SCORM and from the app": "SELECT count(*) FILTER (WHERE origin = 'ws') > 5"
    " AND count(*) FILTER (WHERE token IS NULL) > 5 AND count(*) FILTER (WHERE token IS NOT NULL) > 5"
    " FROM mdl_logstore_standard_log l JOIN mdl_exelearning_attempt a ON a.exelearningid = l.objectid"
    " AND a.userid = l.relateduserid AND a.itemnumber = 0 AND l.other = '{{\"attempt\":' || a.attempt || '}}'"
    " LEFT JOIN (SELECT DISTINCT registration AS token FROM mdl_exelearning_tracking_events) ON token = sessiontoken",
    "package attempts left half done": "SELECT count(*) > 3 FROM mdl_exelearning_attempt WHERE status = 'incomplete'",
    "attempts whose number was given again": "SELECT count(*) > 0 FROM mdl_logstore_standard_log d"
    " JOIN mdl_exelearning_attempt a ON a.exelearningid = d.objectid AND a.userid = d.relateduserid"
    " AND a.itemnumber = 0 AND d.other = '{{\"attemptid\":\"' || a.attempt || '\"}}' WHERE d.action = 'deleted'",
    "as many package attempts as are allowed": "SELECT count(*) > 0 FROM (SELECT 1 FROM mdl_exelearning_attempt"
    " GROUP BY exelearningid, userid HAVING count(DISTINCT attempt) = 3)",
    "a package graded part by part": "SELECT count(*) = 2 AND min(itemnumber) = 1 FROM mdl_grade_items"
    " WHERE itemmodule = 'exelearning' AND iteminstance IN (SELECT id FROM mdl_exelearning WHERE grademodel = 1)",
    "a package without grading whose statements are kept": "SELECT count(*) > 10 AND min(length(registration)) = 40"
    " FROM mdl_exelearning_tracking_events WHERE exelearningid IN"
    " (SELECT id FROM mdl_exelearning WHERE gradeenabled = 0)"
    " AND exelearningid NOT IN (SELECT exelearningid FROM mdl_exelearning_attempt)"
    " AND exelearningid NOT IN (SELECT iteminstance FROM mdl_grade_items WHERE itemmodule = 'exelearning')",
    "packages to which learners came by statements and by SCORM": "SELECT count(*) > 0 FROM (SELECT 1"
    " FROM mdl_exelearning_attempt a LEFT JOIN mdl_exelearning_tracking_events t ON t.registration = a.sessiontoken"
    " WHERE a.itemnumber = 0 GROUP BY a.exelearningid, a.userid"
    " HAVING count(DISTINCT CASE WHEN t.id IS NULL THEN a.attempt END) > 0"
    " AND count(DISTINCT CASE WHEN t.id IS NOT NULL THEN a.attempt END) > 0)",
    "people who never came": "SELECT count(*) > 0 FROM mdl_user WHERE lastaccess = 0 AND id > 2",
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_institution_has(situation: str, clean: Made) -> None:
    assert clean.site.value(SITUATIONS[situation].format(now=clean.site.now)) == 1


@pytest.mark.parametrize(
    "reason",
    [
        "user deleted", "user not enrolled", "row recreated empty", "item locked", "row locked", "overridden", "factor",
        "kept within bounds",
    ],
)  # fmt: skip
def test_a_gradebook_grade_differs_from_the_quiz_grade_for(reason: str, clean: Made) -> None:
    differing = [s for s in clean.site.standings if differ(s.stored, s.final)]
    assert any(s.gradebook_reasons == {reason} for s in differing)


def test_a_quiz_grade_was_removed_because_the_last_attempt_waits_for_its_mark(clean: Made) -> None:
    last = [
        series
        for (quiz, _), series in clean.site.attempts.items()
        if clean.site.quizzes[quiz]["grademethod"] == 4
        and series[-1]["state"] == "finished"
        and series[-1]["sumgrades"] is None
        and any(row["sumgrades"] is not None for row in series)
    ]
    stored = {(s.quiz, s.user): s.stored for s in clean.site.standings}
    assert last
    assert all(stored[series[0]["quiz"], series[0]["userid"]] is None for series in last)
