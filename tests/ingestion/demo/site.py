"""A second opinion on a demo database: its own reading of Moodle's rules, in exact fractions, from the tables alone.

Nothing here is shared with the generator or the pipeline.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

TOLERANCE = Fraction(1, 100_000)
FINISHED = ("finished", "abandoned")


def exact(value: object) -> Fraction | None:
    """A number as SQLite's text form gives it."""
    return None if value is None else Fraction(str(value))


@dataclass(frozen=True)
class Standing:
    """One quiz and user: what is stored, what the attempts give, and what the gradebook says."""

    quiz: int
    user: int
    stored: Fraction | None
    computed: Fraction | None
    final: Fraction | None
    reasons: frozenset[str]
    gradebook_reasons: frozenset[str]


class Site:
    """A demo database opened for reading."""

    def __init__(self, path: Path, now: int) -> None:
        self.now = now
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self._connection.row_factory = sqlite3.Row

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, *parameters: object) -> list[sqlite3.Row]:
        return self._connection.execute(sql, parameters).fetchall()

    def value(self, sql: str, *parameters: object) -> object:
        return self._connection.execute(sql, parameters).fetchone()[0]

    @cached_property
    def attempts(self) -> dict[tuple[int, int], list[sqlite3.Row]]:
        """The attempts that count into a grade, by quiz and user, in order of their numbers."""
        found = defaultdict(list)
        for row in self.rows("SELECT * FROM mdl_quiz_attempts WHERE preview = 0 ORDER BY quiz, userid, attempt"):
            found[row["quiz"], row["userid"]].append(row)
        return found

    @cached_property
    def marks(self) -> dict[int, tuple[Fraction | None, Fraction, Fraction]]:
        """By usage: the sum of marks (None while an essay waits), and the least and most that the slots allow."""
        latest: dict[int, sqlite3.Row] = {}
        steps = self.rows(
            "SELECT questionattemptid AS id, state, fraction FROM mdl_question_attempt_steps"
            " WHERE sequencenumber >= 0 ORDER BY questionattemptid, sequencenumber"
        )
        for step in steps:
            latest[step["id"]] = step
        sums: dict[int, list[Fraction]] = {}
        waiting = set()
        for question in self.rows("SELECT * FROM mdl_question_attempts"):
            step, mark = latest[question["id"]], Fraction(str(question["maxmark"]))
            parts = sums.setdefault(question["questionusageid"], [Fraction(0)] * 3)
            parts[0] += mark * (exact(step["fraction"]) or 0)
            parts[1] += mark * Fraction(str(question["minfraction"]))
            parts[2] += mark * Fraction(str(question["maxfraction"]))
            if step["state"] == "needsgrading" and mark:
                waiting.add(question["questionusageid"])
        return {usage: (None if usage in waiting else s[0], s[1], s[2]) for usage, s in sums.items()}

    @cached_property
    def quizzes(self) -> dict[int, sqlite3.Row]:
        return {row["id"]: row for row in self.rows("SELECT * FROM mdl_quiz")}

    def recomputed(self, quiz_id: int, user: int) -> Fraction | None:
        """The quiz grade that the attempts give today."""
        quiz = self.quizzes[quiz_id]
        over = [row for row in self.attempts.get((quiz_id, user), []) if row["state"] in FINISHED]
        if not over:
            return None
        sums = [exact(row["sumgrades"]) for row in over]
        known = [mark for mark in sums if mark is not None]
        method = quiz["grademethod"]
        if method == 1:
            best = max(known) if known else None
        elif method == 2:
            best = sum(known, Fraction(0)) / len(known) if known else None
        else:
            best = sums[0] if method == 3 else sums[-1]
        return None if best is None else best * Fraction(str(quiz["grade"])) / Fraction(str(quiz["sumgrades"]))

    @cached_property
    def standings(self) -> list[Standing]:
        """Every quiz and user with attempts or a stored grade (of the least id where there are two)."""
        stored: dict[tuple[int, int], Fraction] = {}
        for row in self.rows("SELECT * FROM mdl_quiz_grades ORDER BY id"):
            stored.setdefault((row["quiz"], row["userid"]), Fraction(str(row["grade"])))
        items = {
            row["iteminstance"]: row for row in self.rows("SELECT * FROM mdl_grade_items WHERE itemmodule = 'quiz'")
        }
        grades = {(row["itemid"], row["userid"]): row for row in self.rows("SELECT * FROM mdl_grade_grades")}
        pairs = sorted(pair for pair in {*stored, *self.attempts} if pair[0] in self.quizzes)
        made = []
        for quiz, user in pairs:
            item = items.get(quiz)
            grade = grades.get((item["id"], user)) if item else None
            made.append(
                Standing(
                    quiz, user, stored.get((quiz, user)), self.recomputed(quiz, user),
                    exact(grade["finalgrade"]) if grade else None, self._reasons(quiz, user),
                    self._gradebook_reasons(user, stored.get((quiz, user)), item, grade),
                )
            )  # fmt: skip
        return made

    def _reasons(self, quiz: int, user: int) -> frozenset[str]:
        """Why a stored quiz grade may outlive the attempts that it came of."""
        over = [row for row in self.attempts.get((quiz, user), []) if row["state"] in FINISHED]
        deciding = {3: over[:1], 4: over[-1:]}.get(self.quizzes[quiz]["grademethod"], over)
        is_stale = bool(deciding) and all(row["state"] == "abandoned" for row in deciding)
        return frozenset({"abandoned attempt decides"} if is_stale else ())

    @cached_property
    def _members(self) -> set[tuple[int, int]]:
        sql = "SELECT e.courseid, ue.userid FROM mdl_user_enrolments ue JOIN mdl_enrol e ON e.id = ue.enrolid"
        return {(row[0], row[1]) for row in self.rows(sql)}

    @cached_property
    def _deleted(self) -> set[int]:
        return {row[0] for row in self.rows("SELECT id FROM mdl_user WHERE deleted = 1")}

    @cached_property
    def _removed(self) -> set[tuple[int, int]]:
        sql = "SELECT itemid, userid FROM mdl_grade_grades_history WHERE action = 3"
        return {(row[0], row[1]) for row in self.rows(sql)}

    def _gradebook_reasons(
        self, user: int, stored: Fraction | None, item: sqlite3.Row | None, grade: sqlite3.Row | None
    ) -> frozenset[str]:
        """Why the gradebook's final grade may differ from the stored quiz grade."""
        if item is None:
            return frozenset({"quiz without grade item"})
        is_empty = grade is not None and grade["rawgrade"] is None and grade["overridden"] == 0
        named = {
            "user deleted": grade is None and user in self._deleted,
            "user not enrolled": grade is None
            and user not in self._deleted
            and (item["courseid"], user) not in self._members,
            "row recreated empty": is_empty and (item["id"], user) in self._removed,
            "item locked": item["locked"] > 0,
            "row locked": grade is not None and grade["locked"] > 0,
            "overridden": grade is not None and grade["overridden"] > 0,
            "factor": item["multfactor"] != 1 or item["plusfactor"] != 0,
            "kept within bounds": stored is not None
            and not Fraction(str(item["grademin"])) <= stored <= Fraction(str(item["grademax"])),
        }
        return frozenset(name for name, holds in named.items() if holds)


def differ(one: Fraction | None, other: Fraction | None) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > TOLERANCE


def findings(site: Site) -> set[tuple[str, str, int]]:
    """(rule, table, id) of everything that breaks one of the four rules; a grade row is named once."""
    found: set[tuple[str, str, int]] = set()
    for row in site.rows(
        "SELECT g.id FROM mdl_grade_grades g JOIN mdl_grade_items i ON i.id = g.itemid"
        " WHERE g.finalgrade > i.grademax OR g.finalgrade < i.grademin"
    ):
        found.add(("score_out_of_bounds", "grade_grades", row[0]))
    for row in site.rows(
        "SELECT DISTINCT s.id FROM mdl_question_attempt_steps s"
        " JOIN mdl_question_attempts qa ON qa.id = s.questionattemptid"
        " WHERE s.fraction > qa.maxfraction OR s.fraction < qa.minfraction"
    ):
        found.add(("score_out_of_bounds", "question_attempt_steps", row[0]))
    for row in site.rows("SELECT id FROM mdl_exelearning_attempt WHERE itemnumber = 0 AND rawscore > maxscore"):
        found.add(("score_out_of_bounds", "exelearning_attempt", row[0]))
    usages = {row[0] for row in site.rows("SELECT id FROM mdl_question_usages")}
    for row in site.rows("SELECT * FROM mdl_quiz_attempts"):
        mark = exact(row["sumgrades"])
        if row["uniqueid"] not in usages or row["quiz"] not in site.quizzes:
            found.add(("orphaned_attempt", "quiz_attempts", row["id"]))
        elif mark is not None:
            _, least, most = site.marks[row["uniqueid"]]
            if not least - TOLERANCE <= mark <= most + TOLERANCE:
                found.add(("score_out_of_bounds", "quiz_attempts", row["id"]))
    first: dict[tuple[int, int], int] = {}
    for row in site.rows("SELECT id, quiz, userid FROM mdl_quiz_grades ORDER BY id"):
        if first.setdefault((row["quiz"], row["userid"]), row["id"]) != row["id"]:
            found.add(("duplicate_grade", "quiz_grades", first[row["quiz"], row["userid"]]))
    for standing in site.standings:
        wrong = differ(standing.stored, standing.computed) and not standing.reasons
        apart = differ(standing.stored, standing.final) and not standing.gradebook_reasons
        if wrong or apart:
            found.add(("grade_mismatch", "quiz_grades", first[standing.quiz, standing.user]))
    return found
