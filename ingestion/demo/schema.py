"""Tables of the demo's Moodle 4.5: columns, types, defaults and unique keys as Moodle's own install files have them.

Beyond the columns that the pipeline reads stand those that it must never read (password hashes, addresses, IPs), so
that a leak shows. A column is written `name type`, and the type as

    i    INTEGER            t    TEXT            r    REAL
    n5   NUMERIC(10,5)      n7   NUMERIC(12,7)

followed by `?` where NULL is allowed, or by `=value` for a default. Without either, the default is 0 or the empty text.
SQLite keeps a NUMERIC as a double, which holds ten and twelve digits exactly: CAST(x AS TEXT) gives them back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

PREFIX = "mdl_"

_TYPES = {"i": "INTEGER", "t": "TEXT", "r": "REAL", "n5": "NUMERIC(10,5)", "n7": "NUMERIC(12,7)"}


@dataclass(frozen=True)
class TableShape:
    """One table: its columns in order, their defaults, its unique keys and its other indexes."""

    name: str
    spec: str
    unique: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[tuple[str, str, bool, object], ...]:
        """(name, SQL type, nullable, default) of each column, `id` first."""
        parts = [part.split() for part in self.spec.split(",")]
        return (("id", "INTEGER", False, None), *(_column(name, kind) for name, kind in parts))

    def statements(self) -> list[str]:
        """The CREATE statements of the table and its indexes."""
        table = PREFIX + self.name
        lines = ["id INTEGER PRIMARY KEY"]
        for name, sql_type, nullable, default in self.columns[1:]:
            text = f"'{default}'" if isinstance(default, str) and sql_type == "TEXT" else str(default)
            lines.append(f'"{name}" {sql_type}' + ("" if nullable else f" NOT NULL DEFAULT {text}"))
        made = [f'CREATE TABLE "{table}" ({", ".join(lines)})']
        for kind, keys in (("UNIQUE INDEX", self.unique), ("INDEX", self.indexes)):
            for key in keys:
                name = f"{table}_{key.replace(',', '_').replace(' ', '')}_{'uix' if 'UNIQUE' in kind else 'ix'}"
                made.append(f'CREATE {kind} "{name}" ON "{table}" ({key})')
        return made


def _column(name: str, kind: str) -> tuple[str, str, bool, object]:
    kind, _, default = kind.partition("=")
    nullable = kind.endswith("?")
    sql_type = _TYPES[kind.rstrip("?")]
    if nullable:
        return name, sql_type, True, None
    if sql_type == "TEXT":
        return name, sql_type, False, default
    return name, sql_type, False, int(default) if default else 0


_SHAPES = (
    # accounts, places, roles, membership
    TableShape(
        "user",
        "auth t=manual, confirmed i=1, policyagreed i, deleted i, suspended i, mnethostid i=1, username t, password t,"
        "idnumber t, firstname t, lastname t, email t, emailstop i, phone1 t, phone2 t, institution t, department t,"
        "address t, city t, country t, lang t=en, calendartype t=gregorian, theme t, timezone t=99, firstaccess i,"
        "lastaccess i, lastlogin i, currentlogin i, lastip t, secret t, picture i, description t?, timecreated i,"
        "timemodified i",
        unique=("mnethostid, username",),
    ),
    TableShape("user_lastaccess", "userid i, courseid i, timeaccess i", unique=("userid, courseid",)),
    TableShape(
        "context", "contextlevel i, instanceid i, path t?, depth i, locked i", unique=("contextlevel, instanceid",)
    ),
    TableShape(
        "role", "name t, shortname t, description t, sortorder i, archetype t", unique=("sortorder", "shortname")
    ),
    TableShape(
        "role_assignments",
        "roleid i, contextid i, userid i, timemodified i, modifierid i, component t, itemid i, sortorder i",
    ),
    TableShape(
        "groups",
        "courseid i, idnumber t, name t, description t?, enrolmentkey t?, picture i, visibility i, participation i=1,"
        "timecreated i, timemodified i",
    ),
    TableShape(
        "groups_members", "groupid i, userid i, timeadded i, component t, itemid i", unique=("userid, groupid",)
    ),
    TableShape(
        "cohort",
        "contextid i, name t, idnumber t?, description t?, descriptionformat i, visible i=1, component t,"
        "timecreated i, timemodified i, theme t?",
    ),
    TableShape("cohort_members", "cohortid i, userid i, timeadded i", unique=("cohortid, userid",)),
    # courses, activities, enrolments, settings
    TableShape(
        "course",
        "category i, sortorder i, fullname t, shortname t, idnumber t, summary t?, summaryformat i, format t=topics,"
        "showgrades i=1, newsitems i=1, startdate i, enddate i, visible i=1, visibleold i=1, groupmode i, lang t,"
        "timecreated i, timemodified i, enablecompletion i, completionnotify i, cacherev i",
    ),
    TableShape(
        "course_categories",
        "name t, idnumber t?, description t?, parent i, sortorder i, coursecount i, visible i=1, visibleold i=1,"
        "timemodified i, depth i, path t",
    ),
    TableShape(
        "course_sections",
        "course i, section i, name t?, summary t?, sequence t?, visible i=1, availability t?, timemodified i",
        unique=("course, section",),
    ),
    TableShape("modules", "name t, cron i, lastcron i, search t, visible i=1"),
    TableShape(
        "course_modules",
        "course i, module i, instance i, section i, idnumber t?, added i, score i, indent i, visible i=1,"
        "visibleoncoursepage i=1, visibleold i=1, groupmode i, groupingid i, completion i,"
        "completiongradeitemnumber i?, completionview i, completionexpected i, completionpassgrade i,"
        "availability t?, deletioninprogress i",
    ),
    TableShape(
        "enrol",
        "enrol t, status i, courseid i, sortorder i, name t?, enrolperiod i?, enrolstartdate i?, enrolenddate i?,"
        "password t?, roleid i?, customint1 i?, timecreated i, timemodified i",
    ),
    TableShape(
        "user_enrolments",
        "status i, enrolid i, userid i, timestart i, timeend i=2147483647, modifierid i, timecreated i, timemodified i",
        unique=("enrolid, userid",),
    ),
    TableShape("config", "name t, value t", unique=("name",)),
    TableShape("config_plugins", "plugin t=core, name t, value t", unique=("plugin, name",)),
    # modules without a section of their own below
    TableShape("assign", "course i, name t, intro t, duedate i, grade i, timemodified i"),
    TableShape("choice", "course i, name t, intro t, timeopen i, timeclose i, timemodified i"),
    TableShape("forum", "course i, type t=general, name t, intro t, timemodified i"),
    TableShape("page", "course i, name t, intro t?, content t?, timemodified i"),
    TableShape("resource", "course i, name t, intro t?, timemodified i"),
    TableShape("url", "course i, name t, intro t?, externalurl t, timemodified i"),
    TableShape(
        "scorm",
        "course i, name t, scormtype t=local, reference t, intro t, version t, maxgrade r, grademethod i, whatgrade i,"
        "maxattempt i=1, forcecompleted i, revision i, launch i, timeopen i, timeclose i, timemodified i",
    ),
    TableShape(
        "exelearning",
        "course i, name t, intro t?, entrypath t, entryname t, revision i, grademax n5=100, grademin n5, gradepass n5,"
        "gradedisplaytype i, grademethod i, grademodel i, gradeenabled i=1, maxattempt i, reviewmode i,"
        "teachermodevisible i, timecreated i, timemodified i, usermodified i, completionstatusrequired i?",
    ),
    TableShape(
        "exelearning_attempt",
        "exelearningid i, userid i, attempt i=1, itemnumber i, rawscore n5, maxscore n5=100, scaledscore n5,"
        "status t=completed, sessiontoken t?, timecreated i, timemodified i",
        unique=("exelearningid, userid, attempt, itemnumber",),
    ),
    TableShape(
        "exelearning_grade_item",
        "exelearningid i, itemnumber i, objectid t, pageid t?, idevicetype t, name t, grademax n5=100, grademin n5,"
        "deleted i, contenthash t?, timecreated i, timemodified i",
        unique=("exelearningid, itemnumber", "exelearningid, objectid"),
    ),
    TableShape(
        "exelearning_tracking_events",
        "exelearningid i, userid i, statementid t, verb t, objectid t?, registration t?, scaled n5?, timecreated i",
        unique=("statementid",),
    ),
    TableShape(
        "scorm_scoes",
        "scorm i, manifest t, organization t, parent t, identifier t, launch t, scormtype t, title t, sortorder i",
    ),
    TableShape("scorm_attempt", "userid i, scormid i, attempt i=1"),
    TableShape("scorm_element", "element t", unique=("element",)),
    TableShape("scorm_scoes_value", "scoid i, attemptid i, elementid i, value t, timemodified i"),
    # completion
    TableShape(
        "course_modules_completion",
        "coursemoduleid i, userid i, completionstate i, overrideby i?, timemodified i",
        unique=("userid, coursemoduleid",),
    ),
    TableShape(
        "course_modules_viewed", "coursemoduleid i, userid i, timecreated i", unique=("userid, coursemoduleid",)
    ),
    TableShape(
        "course_completions",
        "userid i, course i, timeenrolled i, timestarted i, timecompleted i?, reaggregate i",
        unique=("userid, course",),
    ),
    TableShape(
        "course_completion_criteria",
        "course i, criteriatype i, module t?, moduleinstance i?, courseinstance i?, enrolperiod i?, timeend i?,"
        "gradepass n5?, role i?",
    ),
    TableShape(
        "course_completion_crit_compl",
        "userid i, course i, criteriaid i, gradefinal n5?, unenroled i?, timecompleted i?",
        unique=("userid, course, criteriaid",),
    ),
    TableShape(
        "course_completion_aggr_methd",
        "course i, criteriatype i?, method i, value n5?",
        unique=("course, criteriatype",),
    ),
    # gradebook
    TableShape(
        "grade_items",
        "courseid i?, categoryid i?, itemname t?, itemtype t, itemmodule t?, iteminstance i?, itemnumber i?,"
        "iteminfo t?, idnumber t?, calculation t?, gradetype i=1, grademax n5=100, grademin n5, scaleid i?,"
        "outcomeid i?, gradepass n5, multfactor n5=1, plusfactor n5, aggregationcoef n5, aggregationcoef2 n5,"
        "sortorder i, display i, decimals i?, hidden i, locked i, locktime i, needsupdate i, weightoverride i,"
        "timecreated i?, timemodified i?",
    ),
    TableShape(
        "grade_categories",
        "courseid i, parent i?, depth i, path t?, fullname t, aggregation i, keephigh i, droplow i,"
        "aggregateonlygraded i, aggregateoutcomes i, timecreated i, timemodified i, hidden i",
    ),
    TableShape(
        "grade_grades",
        "itemid i, userid i, rawgrade n5?, rawgrademax n5=100, rawgrademin n5, rawscaleid i?, usermodified i?,"
        "finalgrade n5?, hidden i, locked i, locktime i, exported i, overridden i, excluded i, feedback t?,"
        "feedbackformat i, timecreated i?, timemodified i?, aggregationstatus t=unknown, aggregationweight n5?",
        unique=("userid, itemid",),
    ),
    TableShape(
        "grade_grades_history",
        "action i, oldid i, source t?, timemodified i?, loggeduser i?, itemid i, userid i, rawgrade n5?,"
        "rawgrademax n5=100, rawgrademin n5, rawscaleid i?, usermodified i?, finalgrade n5?, hidden i, locked i,"
        "locktime i, exported i, overridden i, excluded i, feedback t?",
    ),
    TableShape(
        "grade_items_history",
        "action i, oldid i, source t?, timemodified i?, loggeduser i?, courseid i?, categoryid i?, itemname t?,"
        "itemtype t, itemmodule t?, iteminstance i?, itemnumber i?, gradetype i=1, grademax n5=100, grademin n5,"
        "scaleid i?, gradepass n5, multfactor n5=1, plusfactor n5, sortorder i, hidden i, locked i, locktime i,"
        "needsupdate i",
    ),
    TableShape("grade_letters", "contextid i, lowerboundary n5, letter t"),
    TableShape("scale", "courseid i, userid i, name t, scale t, description t, timemodified i"),
    # quiz
    TableShape(
        "quiz",
        "course i, name t, intro t, timeopen i, timeclose i, timelimit i, overduehandling t=autoabandon, graceperiod i,"
        "preferredbehaviour t, canredoquestions i, attempts i, attemptonlast i, grademethod i=1, decimalpoints i=2,"
        "questiondecimalpoints i=-1, reviewattempt i, reviewcorrectness i, reviewmaxmarks i, reviewmarks i,"
        "questionsperpage i, navmethod t=free, shuffleanswers i, sumgrades n5, grade n5, timecreated i,"
        "timemodified i, password t, subnet t, browsersecurity t, completionattemptsexhausted i?,"
        "completionminattempts i, allowofflineattempts i?",
    ),
    TableShape(
        "quiz_attempts",
        "quiz i, userid i, attempt i, uniqueid i, layout t, currentpage i, preview i, state t=inprogress, timestart i,"
        "timefinish i, timemodified i, timemodifiedoffline i, timecheckstate i?, sumgrades n5?,"
        "gradednotificationsenttime i?",
        unique=("uniqueid", "quiz, userid, attempt"),
        indexes=("state, timecheckstate",),
    ),
    TableShape("quiz_grades", "quiz i, userid i, grade n5, timemodified i", indexes=("quiz", "userid")),
    TableShape(
        "quiz_slots",
        "slot i, quizid i, page i, displaynumber t?, requireprevious i, maxmark n7, quizgradeitemid i?",
        unique=("quizid, slot",),
    ),
    TableShape("quiz_sections", "quizid i, firstslot i, heading t?, shufflequestions i", unique=("quizid, firstslot",)),
    TableShape("quiz_feedback", "quizid i, feedbacktext t, feedbacktextformat i, mingrade n5, maxgrade n5"),
    TableShape(
        "quiz_overrides",
        "quiz i, groupid i?, userid i?, timeopen i?, timeclose i?, timelimit i?, attempts i?, password t?",
    ),
    TableShape("quiz_grade_items", "quizid i, sortorder i, name t", unique=("quizid, sortorder",)),
    # question bank and engine
    TableShape(
        "question",
        "parent i, name t, questiontext t, questiontextformat i, generalfeedback t, defaultmark n7=1, penalty n7,"
        "qtype t, length i=1, stamp t, timecreated i, timemodified i, createdby i?, modifiedby i?",
    ),
    TableShape("question_versions", "questionbankentryid i, version i=1, questionid i, status t=ready"),
    TableShape("question_bank_entries", "questioncategoryid i, idnumber t?, ownerid i?"),
    TableShape("question_categories", "name t, contextid i, info t, stamp t, parent i, sortorder i=999, idnumber t?"),
    TableShape(
        "question_references",
        "usingcontextid i, component t?, questionarea t?, itemid i?, questionbankentryid i, version i?",
        unique=("usingcontextid, component, questionarea, itemid",),
    ),
    TableShape(
        "question_set_references",
        "usingcontextid i, component t?, questionarea t?, itemid i?, questionscontextid i, filtercondition t?",
        unique=("usingcontextid, component, questionarea, itemid",),
    ),
    TableShape("question_usages", "contextid i, component t, preferredbehaviour t"),
    TableShape(
        "question_attempts",
        "questionusageid i, slot i, behaviour t, questionid i, variant i=1, maxmark n7, minfraction n7,"
        "maxfraction n7=1, flagged i, questionsummary t?, rightanswer t?, responsesummary t?, timemodified i",
        unique=("questionusageid, slot",),
    ),
    TableShape(
        "question_attempt_steps",
        "questionattemptid i, sequencenumber i, state t, fraction n7?, timecreated i, userid i?",
        unique=("questionattemptid, sequencenumber",),
    ),
    # standard log store
    TableShape(
        "logstore_standard_log",
        "eventname t, component t, action t, target t, objecttable t?, objectid i?, crud t, edulevel i, contextid i,"
        "contextlevel i, contextinstanceid i, userid i, courseid i?, relateduserid i?, anonymous i, other t?,"
        "timecreated i, origin t?, ip t?, realuserid i?",
        indexes=("timecreated",),
    ),
    # IOMAD
    TableShape(
        "company",
        "name t, shortname t, code t?, address t?, city t, region t?, postcode t?, country t, timezone t=99, lang t=en,"
        "category i, profileid i, suspended i, parentid i, hostname t?, maxusers i",
    ),
    TableShape(
        "company_users",
        "companyid i, userid i, managertype i, departmentid i, suspended i, educator i, lastused i?",
        unique=("companyid, userid, departmentid",),
    ),
    TableShape("company_course", "companyid i, courseid i, departmentid i"),
    TableShape("company_shared_courses", "companyid i, courseid i"),
    TableShape("department", "name t, shortname t, company i, parent i?"),
    TableShape(
        "iomad_courses",
        "courseid i, licensed i?, shared i?, validlength i?, warnexpire i, warncompletion i, notifyperiod i,"
        "expireafter i, warnnotstarted i, hasgrade i=1",
    ),
    TableShape(
        "local_iomad_track",
        "courseid i, coursename t?, userid i, timecompleted i?, timeenrolled i?, timestarted i?, timeexpires i?,"
        "finalscore n5, companyid i, licenseid i?, licensename t?, coursecleared i, modifiedtime i",
    ),
)

TABLES = {shape.name: shape for shape in _SHAPES}
