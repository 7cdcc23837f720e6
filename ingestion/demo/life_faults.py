"""Faults in attempts' lives: what the log tells of them, and what their packages said. None of them moves a grade."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from ingestion.demo.courses import MOST_PACKAGE_ATTEMPTS
from ingestion.demo.planter import Planter

Changes = list[dict[str, object]]
_REPEATS = 12  # of one event, more than an attempt can have for any good reason

# eXeLearning attempts that were done, one row each: its rows of the whole and of a part, its entries in the log.
_PACKAGE_ATTEMPTS = r"""
    SELECT a.id AS attempt_row, p.id AS part_row, a.exelearningid AS exelearning, e.course AS course, a.userid AS user,
        a.attempt AS number, s.id AS started_log, c.id AS completed_log, t.id AS statement, v.id AS verdict
    FROM mdl_exelearning_attempt a
    JOIN mdl_exelearning e ON e.id = a.exelearningid
    JOIN mdl_exelearning_attempt p ON p.exelearningid = a.exelearningid AND p.userid = a.userid
        AND p.attempt = a.attempt AND p.itemnumber = 1
    JOIN mdl_logstore_standard_log s ON s.eventname = '\mod_exelearning\event\attempt_started'
        AND s.objectid = a.exelearningid AND s.relateduserid = a.userid AND s.other = '{"attempt":' || a.attempt || '}'
    JOIN mdl_logstore_standard_log c ON c.eventname = '\mod_exelearning\event\attempt_completed'
        AND c.objectid = a.exelearningid AND c.relateduserid = a.userid AND c.timecreated > s.timecreated
        AND c.other LIKE '{"attempt":' || a.attempt || ',%'
    LEFT JOIN mdl_exelearning_tracking_events t ON t.registration = a.sessiontoken AND t.verb = 'completed'
    LEFT JOIN mdl_exelearning_tracking_events v ON v.registration = a.sessiontoken AND v.verb = a.status
    WHERE a.itemnumber = 0 AND NOT EXISTS (
        SELECT 1 FROM mdl_logstore_standard_log d WHERE d.eventname = '\mod_exelearning\event\attempt_deleted'
            AND d.objectid = a.exelearningid AND d.relateduserid = a.userid
    )
"""
_BY_STATEMENTS = f"SELECT * FROM ({_PACKAGE_ATTEMPTS}) WHERE statement IS NOT NULL ORDER BY attempt_row"
_ANY = f"SELECT * FROM ({_PACKAGE_ATTEMPTS}) ORDER BY attempt_row"
# Of those a learner has a better one after it.
_EARLIER = f"""
    SELECT * FROM ({_PACKAGE_ATTEMPTS}) AS one
    WHERE EXISTS (
        SELECT 1 FROM mdl_exelearning_attempt AS later
        WHERE later.exelearningid = one.exelearning AND later.userid = one.user AND later.attempt > one.number
            AND later.itemnumber = 0
    )
    ORDER BY attempt_row
"""
_QUIZ_ATTEMPTS = r"""
    SELECT a.id AS attempt, q.id AS quiz, q.course AS course, a.userid AS user, l.id AS log
    FROM mdl_quiz_attempts a
    JOIN mdl_quiz q ON q.id = a.quiz
    JOIN mdl_logstore_standard_log l ON l.eventname = '\mod_quiz\event\attempt_{word}' AND l.objectid = a.id
    WHERE a.preview = 0 AND a.state = 'finished'
    ORDER BY a.id
"""


def _submitted_again(planter: Planter) -> None:
    keys = planter.choose("a submitted attempt", _QUIZ_ATTEMPTS.format(word="submitted"))
    changes = _copy_log(planter, keys["log"])
    title = "A quiz attempt that the log tells was handed in twice"
    planter.list("attempt-submitted-again", "repeated_event", title, keys, changes)


def _flooded(planter: Planter) -> None:
    keys = planter.choose("a submitted attempt", _QUIZ_ATTEMPTS.format(word="submitted"))
    changes = _copy_log(planter, keys["log"], _REPEATS)
    title = f"A quiz attempt that the log tells was handed in {_REPEATS + 1} times"
    planter.list("attempt-flooded", "event_flood", title, keys, changes)


def _start_unlogged(planter: Planter) -> None:
    keys = planter.choose("a started attempt", _QUIZ_ATTEMPTS.format(word="started"))
    changes = [planter.remove("logstore_standard_log", keys["log"])]
    title = "A quiz attempt whose start is missing in the log"
    planter.list("attempt-start-unlogged", "attempt_without_event", title, keys, changes)


def _rows_removed(planter: Planter) -> None:
    keys = planter.choose("an earlier attempt at a package", _EARLIER)
    rows = planter.connection.execute(
        "SELECT id FROM mdl_exelearning_attempt WHERE exelearningid = ? AND userid = ? AND attempt = ?",
        (keys["exelearning"], keys["user"], keys["number"]),
    ).fetchall()
    changes = [planter.remove("exelearning_attempt", row) for (row,) in rows]
    title = "An eXeLearning attempt removed in the database itself; the log still tells of it"
    planter.list("attempt-rows-removed", "event_without_attempt", title, keys, changes)


def _completed_first(planter: Planter) -> None:
    keys = planter.choose("an attempt at a package", _ANY)
    late = planter.value("logstore_standard_log", "timecreated", keys["completed_log"]) + 60
    change = planter.change("logstore_standard_log", "timecreated", keys["started_log"], late)
    title = "An eXeLearning attempt logged as started a minute after it was logged as completed"
    planter.list("attempt-completed-first", "completed_before_started", title, keys, [change])


def _taken_back(planter: Planter) -> None:
    keys = planter.choose("an attempt at a package", _ANY)
    change = planter.change("exelearning_attempt", "status", keys["attempt_row"], "incomplete")
    title = "An eXeLearning attempt that was logged as completed and is incomplete now"
    planter.list("attempt-taken-back", "terminal_regressed", title, keys, [change])


def _verdict_lost(planter: Planter) -> None:
    keys = planter.choose("an earlier attempt at a package", _EARLIER)
    (load,) = planter.connection.execute(
        "SELECT sessiontoken FROM mdl_exelearning_attempt WHERE id = ?", (keys["attempt_row"],)
    ).fetchone()
    verdicts = planter.connection.execute(
        "SELECT id FROM mdl_exelearning_tracking_events WHERE registration = ? AND verb <> 'answered'", (load,)
    ).fetchall()
    changes = [
        planter.remove("exelearning_attempt", keys["attempt_row"]),
        planter.remove("logstore_standard_log", keys["completed_log"]),
        *(planter.remove("exelearning_tracking_events", row) for (row,) in verdicts),
    ]
    title = "An eXeLearning attempt of which the parts' scores came and the verdict did not"
    planter.list("verdict-lost", "lost_terminal", title, keys, changes)


def _verdicts_contradict(planter: Planter) -> None:
    keys = planter.choose("an attempt told by statements", _BY_STATEMENTS)
    (verdict,) = planter.connection.execute(
        "SELECT verb FROM mdl_exelearning_tracking_events WHERE id = ?", (keys["verdict"],)
    ).fetchone()
    other = "failed" if verdict == "passed" else "passed"
    change = planter.change("exelearning_tracking_events", "verb", keys["statement"], other)
    title = "One page load whose statements say both passed and failed"
    planter.list("verdicts-contradict", "contradictory_verdict", title, keys, [change])


def _graded_twice(planter: Planter) -> None:
    # Where parts are graded by themselves, another score would be another grade.
    whole = (
        f"SELECT * FROM ({_BY_STATEMENTS}) WHERE exelearning IN (SELECT id FROM mdl_exelearning WHERE grademodel = 0)"
    )
    keys = planter.choose("an attempt told by statements", whole)
    score = planter.value("exelearning_attempt", "rawscore", keys["part_row"])
    other = score - 7 if score >= 50 else score + 7
    changes = [
        planter.change("exelearning_attempt", "rawscore", keys["part_row"], other),
        planter.change("exelearning_attempt", "scaledscore", keys["part_row"], other / 100),
    ]
    title = "A part's score that the statements of its page load did not give"
    planter.list("page-load-graded-twice", "double_channel", title, keys, changes)


def _over_cap(planter: Planter) -> None:
    """Further attempts, up to one more than are allowed, each as good as the first."""
    keys = planter.choose("an attempt at a package", f"SELECT * FROM ({_ANY}) WHERE number = 1")
    who = (keys["exelearning"], keys["user"])
    (last,) = planter.connection.execute(
        "SELECT max(attempt) FROM mdl_exelearning_attempt WHERE exelearningid = ? AND userid = ?", who
    ).fetchone()
    rows = planter.connection.execute(
        "SELECT id FROM mdl_exelearning_attempt WHERE exelearningid = ? AND userid = ? AND attempt = 1", who
    ).fetchall()
    logged = {
        name: json.loads(
            planter.connection.execute(
                "SELECT other FROM mdl_logstore_standard_log WHERE id = ?", (keys[name],)
            ).fetchone()[0]
        )
        for name in ("started_log", "completed_log")
    }
    changes: Changes = []
    for number in range(last + 1, MOST_PACKAGE_ATTEMPTS + 2):
        for (row,) in rows:
            changes.append(planter.copy("exelearning_attempt", row, attempt=number, sessiontoken=""))
        for name, said in logged.items():
            changes += _copy_log(planter, keys[name], other={**said, "attempt": number})
    keys["last_row"] = max(int(str(change["id"])) for change in changes if change["table"] == "exelearning_attempt")
    title = f"One eXeLearning attempt more than the {MOST_PACKAGE_ATTEMPTS} that are allowed"
    planter.list("attempt-over-cap", "over_cap", title, keys, changes)


def _log_unreadable(planter: Planter) -> None:
    keys = planter.choose("an attempt at a package", _ANY)
    said = {"attempt": keys["number"], "score": 55}
    (change,) = _copy_log(planter, keys["completed_log"], other=said)
    keys["log"] = int(str(change["id"]))
    title = "An entry of the log that tells of a completed attempt and not with which status"
    planter.list("log-entry-out-of-contract", "event_out_of_contract", title, keys, [change])


def _copy_log(planter: Planter, row: int, times: int = 1, other: Mapping[str, object] | None = None) -> Changes:
    """The same entry again, a second later each time, perhaps saying something else."""
    moment = int(planter.value("logstore_standard_log", "timecreated", row))
    said = {} if other is None else {"other": json.dumps(other, separators=(",", ":"))}
    return [
        planter.copy("logstore_standard_log", row, timecreated=moment + later, **said) for later in range(1, times + 1)
    ]


LIFE_FAULTS: tuple[Callable[[Planter], None], ...] = (
    _submitted_again,
    _flooded,
    _start_unlogged,
    _rows_removed,
    _verdict_lost,
    _completed_first,
    _taken_back,
    _verdicts_contradict,
    _graded_twice,
    _over_cap,
    _log_unreadable,
)
