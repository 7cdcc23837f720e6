from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

import ingestion.moodle
from ingestion.contracts import load_contracts
from tests.ingestion.demo.conftest import Made

CONTRACTS = load_contracts("moodle", Path(ingestion.moodle.__file__).parent / "contracts")
# Moodle 4.3 put other tables in the place of this one.
OLD = {"scorm_scoes_track"}

# As Moodle's and IOMAD's install files have them; quiz_grades has none on (quiz, userid).
UNIQUE_KEYS = {
    "user": "mnethostid, username",
    "user_lastaccess": "userid, courseid",
    "context": "contextlevel, instanceid",
    "groups_members": "userid, groupid",
    "user_enrolments": "enrolid, userid",
    "course_modules_completion": "userid, coursemoduleid",
    "course_modules_viewed": "userid, coursemoduleid",
    "course_completions": "userid, course",
    "course_completion_crit_compl": "userid, course, criteriaid",
    "course_sections": "course, section",
    "grade_grades": "userid, itemid",
    "quiz_attempts": "quiz, userid, attempt",
    "quiz_slots": "quizid, slot",
    "quiz_sections": "quizid, firstslot",
    "question_attempts": "questionusageid, slot",
    "question_attempt_steps": "questionattemptid, sequencenumber",
    "company_users": "companyid, userid, departmentid",
    "exelearning_attempt": "exelearningid, userid, attempt, itemnumber",
    "exelearning_grade_item": "exelearningid, objectid",
    "exelearning_tracking_events": "statementid",
}

REFERENCES = """
user_lastaccess.userid>user user_lastaccess.courseid>course role_assignments.roleid>role
role_assignments.contextid>context role_assignments.userid>user groups.courseid>course groups_members.groupid>groups
groups_members.userid>user cohort.contextid>context cohort_members.cohortid>cohort cohort_members.userid>user
course_sections.course>course course_modules.course>course course_modules.module>modules
course_modules.section>course_sections enrol.courseid>course user_enrolments.enrolid>enrol user_enrolments.userid>user
course_modules_completion.coursemoduleid>course_modules course_modules_completion.userid>user
course_modules_completion.overrideby>user course_modules_viewed.coursemoduleid>course_modules
course_completions.course>course course_completions.userid>user course_completion_criteria.course>course
course_completion_criteria.moduleinstance>course_modules
course_completion_crit_compl.criteriaid>course_completion_criteria
grade_items.courseid>course grade_items.categoryid>grade_categories grade_items.scaleid>scale
grade_categories.courseid>course grade_categories.parent>grade_categories grade_grades.itemid>grade_items
grade_grades.userid>user grade_grades_history.itemid>grade_items grade_grades_history.userid>user
grade_items_history.oldid>grade_items grade_letters.contextid>context quiz.course>course quiz_attempts.quiz>quiz
quiz_attempts.userid>user quiz_attempts.uniqueid>question_usages quiz_grades.quiz>quiz quiz_grades.userid>user
quiz_slots.quizid>quiz quiz_slots.quizgradeitemid>quiz_grade_items quiz_sections.quizid>quiz quiz_feedback.quizid>quiz
quiz_overrides.quiz>quiz quiz_overrides.userid>user quiz_overrides.groupid>groups question.createdby>user
question_versions.questionid>question question_versions.questionbankentryid>question_bank_entries
question_bank_entries.questioncategoryid>question_categories question_categories.contextid>context
question_references.usingcontextid>context question_references.questionbankentryid>question_bank_entries
question_references.itemid>quiz_slots question_set_references.questionscontextid>context
question_set_references.itemid>quiz_slots question_usages.contextid>context
question_attempts.questionusageid>question_usages question_attempts.questionid>question
question_attempt_steps.questionattemptid>question_attempts question_attempt_steps.userid>user
logstore_standard_log.contextid>context logstore_standard_log.courseid>course logstore_standard_log.relateduserid>user
company_users.companyid>company company_users.userid>user company_users.departmentid>department
company_course.companyid>company company_course.courseid>course company_course.departmentid>department
company_shared_courses.courseid>course department.company>company iomad_courses.courseid>course
local_iomad_track.courseid>course local_iomad_track.userid>user local_iomad_track.companyid>company
company.category>course_categories exelearning_attempt.exelearningid>exelearning exelearning_attempt.userid>user
exelearning_grade_item.exelearningid>exelearning exelearning_tracking_events.exelearningid>exelearning
scorm_scoes.scorm>scorm scorm_attempt.scormid>scorm scorm_attempt.userid>user scorm_scoes_value.scoid>scorm_scoes
scorm_scoes_value.attemptid>scorm_attempt scorm_scoes_value.elementid>scorm_element
"""


def test_every_table_and_column_of_the_contracts_is_there(clean: Made) -> None:
    modules = [row["name"] for row in clean.site.rows("SELECT name FROM mdl_modules")]
    wanted = {name: [c.name for c in table.columns] for name, table in CONTRACTS.tables.items()}
    for name in ("activity_instances", *OLD):
        del wanted[name]
    wanted |= {module: [*wanted.get(module, []), "id", "course", "name"] for module in modules}
    for table, columns in wanted.items():
        there = {row["name"] for row in clean.site.rows(f'PRAGMA table_info("mdl_{table}")')}
        # What later releases added is not there; a step's usage is read through its question attempt.
        lacking = set(columns) - there - {"duedate", "gradable", "questionusageid"}
        assert not lacking, f"{table} lacks {lacking}"


def test_every_decimal_reads_back_exactly_as_text(clean: Made) -> None:
    form = re.compile(r"-?\d+(\.\d{1,7})?")
    seen = 0
    for table in CONTRACTS.tables.values():
        for column in table.columns:
            if column.type in ("num5", "num7") and table.name not in OLD:
                digits = int(column.type[3])
                name = f'"{column.name}"'
                sql = f'SELECT DISTINCT CAST({name} AS TEXT) FROM "mdl_{table.name}" WHERE {name} NOT NULL'
                for (text,) in clean.site.rows(sql):
                    assert form.fullmatch(text), f"{table.name}.{column.name} reads {text}"
                    assert Decimal(text).as_tuple().exponent >= -digits
                    seen += 1
    assert seen > 1000


@pytest.mark.parametrize(("table", "key"), UNIQUE_KEYS.items())
def test_moodles_unique_keys_hold(clean: Made, table: str, key: str) -> None:
    sql = f'SELECT count(*) FROM (SELECT 1 FROM "mdl_{table}" GROUP BY {key} HAVING count(*) > 1)'
    assert clean.site.value(sql) == 0


def test_every_reference_leads_somewhere(clean: Made) -> None:
    for reference in REFERENCES.split():
        place, target = reference.split(">")
        table, column = place.split(".")
        sql = (
            f'SELECT count(*) FROM "mdl_{table}" WHERE coalesce("{column}", 0) <> 0'
            f' AND "{column}" NOT IN (SELECT id FROM "mdl_{target}")'
        )
        assert clean.site.value(sql) == 0, f"{reference} leads nowhere"


def test_module_instances_contexts_and_sections_fit_together(clean: Made) -> None:
    site = clean.site
    for module in site.rows("SELECT cm.*, m.name FROM mdl_course_modules cm JOIN mdl_modules m ON m.id = cm.module"):
        course = site.value(f'SELECT course FROM "mdl_{module["name"]}" WHERE id = ?', module["instance"])
        assert course == module["course"]
        sequence = site.value("SELECT sequence FROM mdl_course_sections WHERE id = ?", module["section"])
        assert str(module["id"]) in str(sequence).split(",")
    levels = {10: None, 30: "user", 40: "course_categories", 50: "course", 70: "course_modules"}
    for context in site.rows("SELECT * FROM mdl_context"):
        parts = context["path"].strip("/").split("/")
        assert int(parts[-1]) == context["id"]
        assert len(parts) == context["depth"]
        table = levels[context["contextlevel"]]
        if table:
            assert site.value(f"SELECT count(*) FROM mdl_{table} WHERE id = ?", context["instanceid"]) == 1


def test_secrets_stand_only_where_no_contract_reads(clean: Made) -> None:
    everything = "\n".join(clean.site._connection.iterdump())
    assert everything.count("demo-secret") > 150
    for table in CONTRACTS.tables.values():
        if table.name in ("activity_instances", *OLD):
            continue
        where = f" WHERE {table.only.replace('{prefix}', 'mdl_')}" if table.only else ""
        names = {row["name"] for row in clean.site.rows(f'PRAGMA table_info("mdl_{table.name}")')}
        columns = ", ".join(f'"{column.name}"' for column in table.columns if column.name in names)
        for row in clean.site.rows(f'SELECT {columns} FROM "mdl_{table.name}"{where}'):
            assert "demo-secret" not in str(tuple(row))
