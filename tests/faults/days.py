"""Four days at the demonstration's institution: what people change in its Moodle, by day.

Together they insert, change and delete rows of every kind of table: read whole, by watermark, by touched usages,
append-only; people's names, which no mart holds, and things that come back as they were.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

# The institution's own now, and a moment shortly before it, within every sync's overlap.
AS_OF = "2026-06-30T12:00:00+00:00"
_NOW = 1_782_820_700

_RESIT = 29  # a finished attempt that is sat again, with the same marks
_GONE = 18  # the only attempt of somebody at a quiz
_DAYS = {
    1: f"""
    update mdl_course set fullname = 'Renamed ' || fullname where id = 2;
    update mdl_user set lastname = 'Otherwise', timemodified = {_NOW} where id = 20;
    delete from mdl_question_attempt_steps where questionattemptid in (
        select qa.id from mdl_question_attempts qa join mdl_quiz_attempts a on a.uniqueid = qa.questionusageid
        where a.id = {_GONE});
    delete from mdl_question_attempts where questionusageid in (
        select uniqueid from mdl_quiz_attempts where id = {_GONE});
    delete from mdl_question_usages where id in (select uniqueid from mdl_quiz_attempts where id = {_GONE});
    delete from mdl_quiz_grades where (quiz, userid) in (
        select quiz, userid from mdl_quiz_attempts where id = {_GONE});
    delete from mdl_quiz_attempts where id = {_GONE};
    """,
    2: f"""
    insert into mdl_question_usages
        select 900000, contextid, component, preferredbehaviour from mdl_question_usages
        where id = (select uniqueid from mdl_quiz_attempts where id = {_RESIT});
    insert into mdl_question_attempts
        select id + 900000, 900000, slot, behaviour, questionid, variant, maxmark, minfraction, maxfraction, flagged,
            questionsummary, rightanswer, responsesummary, {_NOW} from mdl_question_attempts
        where questionusageid = (select uniqueid from mdl_quiz_attempts where id = {_RESIT});
    insert into mdl_question_attempt_steps
        select s.id + 900000, s.questionattemptid + 900000, s.sequencenumber, s.state, s.fraction, {_NOW}, s.userid
        from mdl_question_attempt_steps s join mdl_question_attempts qa on qa.id = s.questionattemptid
        where qa.questionusageid = (select uniqueid from mdl_quiz_attempts where id = {_RESIT});
    create temp table again as select * from mdl_quiz_attempts where id = {_RESIT};
    update again set id = 900000, uniqueid = 900000, attempt = attempt + 1, timestart = {_NOW} - 60,
        timefinish = {_NOW}, timemodified = {_NOW};
    insert into mdl_quiz_attempts select * from again;
    update mdl_course_modules_completion set completionstate = 0, timemodified = {_NOW} where id = 5;
    delete from mdl_groups_members where id = 7;
    """,
    3: f"""
    update mdl_grade_grades set finalgrade = finalgrade / 2, overridden = {_NOW}, timemodified = {_NOW}
        where id = (select g.id from mdl_grade_grades g join mdl_grade_items i on i.id = g.itemid
            where i.itemtype = 'mod' and g.finalgrade > 2 and g.overridden = 0 order by g.id limit 1);
    update mdl_quiz set name = name || ' (2)' where id = 4;
    update mdl_course_modules set visible = 0 where id = 9;
    delete from mdl_user_enrolments where id = 11;
    """,
    4: f"""
    update mdl_course set fullname = replace(fullname, 'Renamed ', '') where id = 2;
    insert into mdl_groups_members (id, groupid, userid, timeadded, component, itemid)
        select 900000, m.groupid, min(o.userid), {_NOW}, '', 0 from mdl_groups_members m, mdl_groups_members o
        where m.id = 8 and o.userid not in (select userid from mdl_groups_members where groupid = m.groupid);
    update mdl_user set suspended = 1, timemodified = {_NOW} where id = 30;
    """,
}
LAST_DAY = max(_DAYS)


def pass_day(database: Path, day: int) -> None:
    """What happens on one day, in one transaction."""
    with closing(sqlite3.connect(database, timeout=60)) as con:
        con.executescript(f"begin; {_DAYS[day]} commit;")
