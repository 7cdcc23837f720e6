"""Faults planted in the finished database, one edit each, and the list of them that only the scoreboard reads.

Each victim is chosen so that its edit breaks one rule and disturbs nothing else: a mark is changed only in an attempt
that gives no grade, a grade only where nothing else could explain a difference.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from ingestion.demo.life_faults import LIFE_FAULTS
from ingestion.demo.planter import Keys, Planter
from ingestion.demo.world import MODULE, NOW

# A quiz grade that the attempts give and the gradebook repeats, without anything that may explain a difference.
_PLAIN_GRADES = """
SELECT g.id AS quiz_grade, q.id AS quiz, q.course AS course, g.userid AS user, i.id AS grade_item, gg.id AS grade_row
FROM mdl_quiz_grades g
JOIN mdl_quiz q ON q.id = g.quiz
JOIN mdl_user u ON u.id = g.userid AND u.deleted = 0 AND u.suspended = 0
JOIN mdl_grade_items i ON i.itemmodule = 'quiz' AND i.iteminstance = q.id
JOIN mdl_grade_grades gg ON gg.itemid = i.id AND gg.userid = g.userid
WHERE i.multfactor = 1 AND i.plusfactor = 0 AND i.locked = 0 AND i.gradepass = 0
    AND gg.locked = 0 AND gg.overridden = 0 AND gg.excluded = 0 AND gg.hidden = 0
    AND gg.rawgrade = g.grade AND gg.finalgrade = g.grade AND g.grade BETWEEN 3 AND q.grade - 1
    AND NOT EXISTS (
        SELECT 1 FROM mdl_quiz_attempts a
        WHERE a.quiz = q.id AND a.userid = g.userid AND (a.state <> 'finished' OR a.sumgrades IS NULL)
    )
ORDER BY g.id
"""

# Finished attempts of quizzes graded by the highest, of which the same person has a better one.
_IDLE_ATTEMPTS = """
SELECT a.id AS attempt, q.id AS quiz, q.course AS course, a.userid AS user, a.uniqueid AS usage, a.sumgrades AS total,
    top.best AS best
FROM mdl_quiz_attempts a
JOIN mdl_quiz q ON q.id = a.quiz AND q.grademethod = 1 AND q.preferredbehaviour = 'deferredfeedback'
JOIN mdl_user u ON u.id = a.userid AND u.deleted = 0
JOIN (
    SELECT quiz, userid, max(sumgrades) AS best FROM mdl_quiz_attempts
    WHERE preview = 0 AND state = 'finished' GROUP BY quiz, userid
) AS top ON top.quiz = a.quiz AND top.userid = a.userid
WHERE a.preview = 0 AND a.state = 'finished' AND a.sumgrades < top.best
ORDER BY a.id
"""


def plant(database: Path, faults: Path, seed: int, *, with_faults: bool) -> None:
    """Plant every fault in the database and write the list; without faults the list is empty.

    Raises RollbookError when the institution is too small to hold a fault.
    """
    connection = sqlite3.connect(database)
    try:
        planter = Planter(connection, random.Random(f"{seed}:faults"))
        with connection:
            for make in _FAULTS if with_faults else ():
                make(planter)
    finally:
        connection.close()
    faults.write_text(json.dumps(planter.found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _final_grades(item_type: str, condition: str) -> str:
    return f"""
        SELECT gg.id AS grade_row, i.id AS grade_item, i.courseid AS course, gg.userid AS user,
            i.iteminstance AS instance
        FROM mdl_grade_grades gg
        JOIN mdl_grade_items i ON i.id = gg.itemid AND {item_type} AND i.gradetype = 1
        JOIN mdl_user u ON u.id = gg.userid AND u.deleted = 0
        WHERE gg.finalgrade IS NOT NULL AND gg.locked = 0 AND gg.excluded = 0 AND {condition}
        ORDER BY gg.id
    """


def _manual_grade_too_high(planter: Planter) -> None:
    keys = planter.choose("a manual item", _final_grades("i.itemtype = 'manual'", "gg.overridden = 0"))
    _raise_final(planter, "grade-over-manual-maximum", "A manual grade of 95 where the maximum is 10", keys, "95")


def _assignment_grade_too_high(planter: Planter) -> None:
    keys = planter.choose("an assignment", _final_grades("i.itemmodule = 'assign'", "gg.overridden = 0"))
    _raise_final(
        planter, "grade-over-assignment-maximum", "An assignment's final grade nine times its maximum", keys, "900"
    )


def _overridden_grade_too_high(planter: Planter) -> None:
    sql = _final_grades("i.itemmodule = 'quiz' AND i.gradepass = 0 AND i.locked = 0", "gg.overridden > 0")
    title = "A quiz grade overridden with a value far above its maximum"
    _raise_final(planter, "override-over-quiz-maximum", title, planter.choose("an overridden grade", sql), "770")


def _raise_final(planter: Planter, fault: str, title: str, keys: Keys, value: str) -> None:
    change = planter.change("grade_grades", "finalgrade", keys["grade_row"], Decimal(value))
    planter.list(fault, "score_out_of_bounds", title, keys, [change])


def _fraction_out_of_range(fault: str, title: str, fraction: str) -> Callable[[Planter], None]:
    """A fraction outside its question's range, with the attempt's sum following it: no grade comes of the attempt."""

    # The new sum stays above nothing and below the better attempt's, so that neither bounds nor grades are disturbed.
    sql = f"""
        SELECT idle.*, qa.id AS question_attempt, s.id AS step
        FROM ({_IDLE_ATTEMPTS}) AS idle
        JOIN mdl_question_attempts qa ON qa.questionusageid = idle.usage AND qa.maxmark > 0
        JOIN mdl_question_attempt_steps s ON s.questionattemptid = qa.id AND s.state LIKE 'graded%'
        WHERE NOT {fraction} BETWEEN qa.minfraction AND qa.maxfraction
            AND idle.total + qa.maxmark * ({fraction} - s.fraction) BETWEEN 0.01 AND idle.best - 0.01
        ORDER BY s.id
    """

    def make(planter: Planter) -> None:
        keys = planter.choose("a question's fraction", sql)
        added = planter.value("question_attempts", "maxmark", keys["question_attempt"]) * (
            Decimal(fraction) - planter.value("question_attempt_steps", "fraction", keys["step"])
        )
        total = planter.value("quiz_attempts", "sumgrades", keys["attempt"]) + added
        changes = [
            planter.change("question_attempt_steps", "fraction", keys["step"], Decimal(fraction)),
            planter.change("quiz_attempts", "sumgrades", keys["attempt"], total),
        ]
        planter.list(fault, "score_out_of_bounds", title, keys, changes)

    return make


def _sum_too_high(planter: Planter) -> None:
    sql = """
        SELECT a.id AS attempt, q.id AS quiz, q.course AS course, a.userid AS user, a.uniqueid AS usage
        FROM mdl_quiz_attempts a
        JOIN mdl_quiz q ON q.id = a.quiz AND q.grademethod = 3
        JOIN mdl_user u ON u.id = a.userid AND u.deleted = 0
        WHERE a.preview = 0 AND a.state = 'finished' AND a.attempt = 2
        ORDER BY a.id
    """
    keys = planter.choose("an attempt's sum", sql)
    change = planter.change("quiz_attempts", "sumgrades", keys["attempt"], Decimal("250.00000"))
    title = "A second attempt's stored sum far above what its slots allow, where the first attempt counts"
    planter.list("attempt-sum-over-slots", "score_out_of_bounds", title, keys, [change])


def _package_score_too_high(planter: Planter) -> None:
    sql = """
        SELECT a.id AS attempt_row, a.exelearningid AS exelearning, e.course AS course, a.userid AS user
        FROM mdl_exelearning_attempt a
        JOIN mdl_exelearning e ON e.id = a.exelearningid
        WHERE a.itemnumber = 0
        ORDER BY a.id
    """
    keys = planter.choose("a package's score", sql)
    change = planter.change("exelearning_attempt", "rawscore", keys["attempt_row"], Decimal("150.00000"))
    title = "The score of an eXeLearning attempt above the maximum noted with it; its fraction is as it was"
    planter.list("package-score-over-maximum", "score_out_of_bounds", title, keys, [change])


def _quiz_grade_raised(planter: Planter) -> None:
    keys = planter.choose("a quiz grade", _PLAIN_GRADES)
    value = planter.value("quiz_grades", "grade", keys["quiz_grade"]) + 1
    change = planter.change("quiz_grades", "grade", keys["quiz_grade"], value)
    title = "A stored quiz grade raised by one, unknown to attempts and gradebook"
    planter.list("quiz-grade-raised", "grade_mismatch", title, keys, [change])


def _quiz_grade_raised_everywhere(planter: Planter) -> None:
    keys = planter.choose("a quiz grade", _PLAIN_GRADES)
    value = planter.value("quiz_grades", "grade", keys["quiz_grade"]) + 1
    changes = [
        planter.change("quiz_grades", "grade", keys["quiz_grade"], value),
        planter.change("grade_grades", "rawgrade", keys["grade_row"], value),
        planter.change("grade_grades", "finalgrade", keys["grade_row"], value),
    ]
    title = "A quiz grade raised by one in the quiz and in the gradebook, against its attempts"
    planter.list("quiz-grade-raised-and-pushed", "grade_mismatch", title, keys, changes)


def _gradebook_changed(planter: Planter) -> None:
    keys = planter.choose("a gradebook grade", _PLAIN_GRADES)
    value = planter.value("grade_grades", "finalgrade", keys["grade_row"]) - 2
    change = planter.change("grade_grades", "finalgrade", keys["grade_row"], value)
    title = "A gradebook grade lowered by two without the override flag"
    planter.list("gradebook-grade-changed", "grade_mismatch", title, keys, [change])


def _usage_vanished(planter: Planter) -> None:
    keys = planter.choose("a question usage", _IDLE_ATTEMPTS)
    usage = (keys["usage"],)
    questions = "SELECT id FROM mdl_question_attempts WHERE questionusageid = ?"
    planter.connection.execute(
        f"DELETE FROM mdl_question_attempt_steps WHERE questionattemptid IN ({questions})", usage
    )
    planter.connection.execute("DELETE FROM mdl_question_attempts WHERE questionusageid = ?", usage)
    planter.connection.execute("DELETE FROM mdl_question_usages WHERE id = ?", usage)
    changes: list[dict[str, object]] = [{"table": "question_usages", "id": keys["usage"], "deleted": True}]
    title = "An attempt whose question usage vanished with all its answers"
    planter.list("attempt-without-usage", "orphaned_attempt", title, keys, changes)


def _quiz_vanished(planter: Planter) -> None:
    """The ungraded practice quiz is deleted as Moodle does it, except that its only attempt is left behind."""
    sql = """
        SELECT a.id AS attempt, q.id AS quiz, q.course AS course, a.userid AS user, a.uniqueid AS usage
        FROM mdl_quiz_attempts a JOIN mdl_quiz q ON q.id = a.quiz AND q.grade = 0
    """
    keys = planter.choose("a practice quiz", sql)
    run, quiz = planter.connection.execute, (keys["quiz"],)
    module, section, context = run(
        """
        SELECT cm.id, cm.section, c.id FROM mdl_course_modules cm
        JOIN mdl_modules m ON m.id = cm.module AND m.name = 'quiz'
        JOIN mdl_context c ON c.contextlevel = ? AND c.instanceid = cm.id WHERE cm.instance = ?
        """,
        (MODULE, keys["quiz"]),
    ).fetchone()
    for table in ("quiz_slots", "quiz_sections", "quiz_feedback"):
        run(f"DELETE FROM mdl_{table} WHERE quizid = ?", quiz)
    for table in ("quiz_overrides", "quiz_grades"):
        run(f"DELETE FROM mdl_{table} WHERE quiz = ?", quiz)
    run("DELETE FROM mdl_question_references WHERE usingcontextid = ?", (context,))
    run("DELETE FROM mdl_quiz WHERE id = ?", quiz)
    run("DELETE FROM mdl_course_modules WHERE id = ?", (module,))
    run("DELETE FROM mdl_context WHERE id = ?", (context,))
    sequence = run("SELECT sequence FROM mdl_course_sections WHERE id = ?", (section,)).fetchone()[0].split(",")
    kept = ",".join(part for part in sequence if part != str(module))
    run("UPDATE mdl_course_sections SET sequence = ? WHERE id = ?", (kept, section))
    run(
        r"""
        INSERT INTO mdl_logstore_standard_log (eventname, component, action, target, objecttable, objectid, crud,
            edulevel, contextid, contextlevel, contextinstanceid, userid, courseid, other, timecreated, origin)
        VALUES ('\core\event\course_module_deleted', 'core', 'deleted', 'course_module', 'course_modules', ?, 'd',
            1, ?, ?, ?, 2, ?, ?, ?, 'web')
        """,
        (
            module,
            context,
            MODULE,
            module,
            keys["course"],
            json.dumps({"modulename": "quiz", "instanceid": keys["quiz"]}),
            NOW - 300,
        ),
    )
    changes: list[dict[str, object]] = [{"table": "quiz", "id": keys["quiz"], "deleted": True}]
    title = "An attempt left behind by a quiz that was deleted"
    planter.list("attempt-without-quiz", "orphaned_attempt", title, {**keys, "course_module": module}, changes)


def _grade_doubled(fault: str) -> Callable[[Planter], None]:
    def make(planter: Planter) -> None:
        keys = planter.choose("a quiz grade", _PLAIN_GRADES)
        cursor = planter.connection.execute(
            "INSERT INTO mdl_quiz_grades (quiz, userid, grade, timemodified)"
            " SELECT quiz, userid, grade, timemodified + 1 FROM mdl_quiz_grades WHERE id = ?",
            (keys["quiz_grade"],),
        )
        second = cursor.lastrowid or 0
        changes: list[dict[str, object]] = [{"table": "quiz_grades", "id": second, "inserted": True}]
        title = "A second quiz grade of the same learner and quiz, with the same value"
        planter.list(fault, "duplicate_grade", title, {**keys, "second_quiz_grade": second}, changes)

    return make


# The quiz that vanishes comes first: its only attempt is one person's, whom no other fault may take.
_FAULTS: tuple[Callable[[Planter], None], ...] = (
    _quiz_vanished,
    _manual_grade_too_high,
    _assignment_grade_too_high,
    _overridden_grade_too_high,
    _fraction_out_of_range("fraction-over-maximum", "A question's fraction of 1.5 where 1 is the most", "1.5"),
    _fraction_out_of_range("fraction-under-minimum", "A question's fraction of -0.75 where 0 is the least", "-0.75"),
    _sum_too_high,
    _package_score_too_high,
    _quiz_grade_raised,
    _quiz_grade_raised_everywhere,
    _gradebook_changed,
    _usage_vanished,
    _grade_doubled("quiz-grade-doubled-1"),
    _grade_doubled("quiz-grade-doubled-2"),
    *LIFE_FAULTS,
)
