"""A second opinion on attempts' lives in a demo database: its own reading of log, statements and rows."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.ingestion.demo.site import Site, exact

FLOOD = 10
CLOSE = 0.00002
Finding = tuple[str, str, int]


@dataclass
class Life:
    """One account's attempt of one number at one eXeLearning activity, since the number was last given."""

    rows: dict[int, sqlite3.Row] = field(default_factory=dict)
    started: list[sqlite3.Row] = field(default_factory=list)
    completed: list[sqlite3.Row] = field(default_factory=list)

    @property
    def whole(self) -> sqlite3.Row | None:
        return self.rows.get(0)


def life_findings(site: Site) -> set[Finding]:
    """(rule, table, id) of everything that breaks a rule about attempts' lives."""
    return {*_of_quizzes(site), *_of_packages(site), *_of_caps(site)}


def _of_quizzes(site: Site) -> Iterator[Finding]:
    logged: dict[str, Counter[int]] = defaultdict(Counter)
    for row in site.rows("SELECT action, objectid FROM mdl_logstore_standard_log WHERE component = 'mod_quiz'"):
        logged[row["action"]][row["objectid"]] += 1
    for row in site.rows("SELECT id, state FROM mdl_quiz_attempts WHERE preview = 0"):
        if not logged["started"][row["id"]]:
            yield "attempt_without_event", "quiz_attempts", row["id"]
        again = logged["submitted"][row["id"]] - 1
        if again > 0:
            yield "event_flood" if again > FLOOD else "repeated_event", "quiz_attempts", row["id"]


def _of_packages(site: Site) -> Iterator[Finding]:
    lives: dict[tuple[int, int, int], Life] = defaultdict(Life)
    for row in site.rows(
        "SELECT * FROM mdl_logstore_standard_log WHERE component = 'mod_exelearning' ORDER BY timecreated, id"
    ):
        said = json.loads(row["other"])
        if row["action"] == "completed" and "status" not in said:
            yield "event_out_of_contract", "logstore_standard_log", row["id"]
            continue
        key = row["objectid"], row["relateduserid"], int(said.get("attempt", said.get("attemptid")))
        if row["action"] == "deleted":
            lives.pop(key, None)
        else:
            (lives[key].started if row["action"] == "started" else lives[key].completed).append(row)
    for row in site.rows("SELECT * FROM mdl_exelearning_attempt"):
        lives[row["exelearningid"], row["userid"], row["attempt"]].rows[row["itemnumber"]] = row
    statements: dict[str, list[sqlite3.Row]] = defaultdict(list)
    for row in site.rows("SELECT * FROM mdl_exelearning_tracking_events ORDER BY id"):
        statements[row["registration"]].append(row)
    for life in lives.values():
        yield from _of_life(life, statements)


def _of_life(life: Life, statements: dict[str, list[sqlite3.Row]]) -> Iterator[Finding]:
    if not life.rows:
        yield "event_without_attempt", "logstore_standard_log", life.started[0]["id"]
        return
    whole = life.whole
    if life.completed and life.started and life.completed[0]["timecreated"] < life.started[0]["timecreated"]:
        yield "completed_before_started", "logstore_standard_log", life.completed[0]["id"]
    if whole is None:
        yield "lost_terminal", "exelearning_attempt", life.rows[1]["id"]
        return
    if life.completed and whole["status"] == "incomplete":
        yield "terminal_regressed", "exelearning_attempt", whole["id"]
    said = statements.get(whole["sessiontoken"], [])
    if {"passed", "failed"} <= {row["verb"] for row in said}:
        yield "contradictory_verdict", "exelearning_attempt", whole["id"]
    for item, row in life.rows.items():
        told = [s for s in said if (s["verb"] == "answered" and s["objectid"].endswith(f"-{item}")) == bool(item)]
        told = [s for s in told if item or s["verb"] != "answered"]
        scores = exact(told[-1]["scaled"]) if told else None, exact(row["scaledscore"])
        if said and (scores[0] is None or scores[1] is None or abs(scores[0] - scores[1]) > CLOSE):
            yield "double_channel", "exelearning_attempt", row["id"]


def _of_caps(site: Site) -> Iterator[Finding]:
    rows = site.rows(
        "SELECT exelearningid, userid, count(DISTINCT attempt) AS attempts, max(a.id) AS last, maxattempt"
        " FROM mdl_exelearning_attempt a JOIN mdl_exelearning e ON e.id = a.exelearningid GROUP BY 1, 2"
    )
    for row in rows:
        if row["attempts"] > row["maxattempt"] > 0:
            yield "over_cap", "exelearning_attempt", row["last"]
