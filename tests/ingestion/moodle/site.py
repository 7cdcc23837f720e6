"""A very small Moodle site in SQLite, made from the contracts, that tests change as they please."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ingestion.moodle import contracts

MODULES = ("quiz", "page")


class Site:
    """Every table of the contracts, empty but for what a test puts in. Values are given by column name."""

    def __init__(self, path: Path, prefix: str = "mdl_", without: tuple[str, ...] = ()) -> None:
        self.path = path
        self.prefix = prefix
        self.connection = sqlite3.connect(path, isolation_level=None)
        for table in contracts().tables.values():
            if table.name in without or table.reader == "activity_instances":
                continue
            own = [
                c for c in table.columns if not (table.reader == "question_attempt_steps" and c.name == table.parent)
            ]
            columns = ", ".join(f'"{c.name}"' for c in own if f"{table.name}.{c.name}" not in without)
            self.connection.execute(f'create table "{prefix}{table.name}" ({columns})')
        if "page" not in without:
            self.connection.execute(f'create table "{prefix}page" (id, course, name, content)')
        if "modules" not in without:
            for number, module in enumerate(MODULES, start=1):
                self.insert("modules", id=number, name=module, visible=1)

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def insert(self, table: str, **values: object) -> None:
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" * len(values))
        self.connection.execute(f'insert into "{self.prefix}{table}" ({names}) values ({marks})', list(values.values()))

    def update(self, table: str, where: str, **values: object) -> None:
        assignments = ", ".join(f'"{name}" = ?' for name in values)
        self.connection.execute(f'update "{self.prefix}{table}" set {assignments} where {where}', list(values.values()))

    def delete(self, table: str, where: str = "1 = 1") -> None:
        self.connection.execute(f'delete from "{self.prefix}{table}" where {where}')

    def attempt(self, attempt_id: int, user: int, at: int, slots: int = 2, state: str = "finished") -> None:
        """A quiz attempt with its usage, one question attempt a slot and two steps each."""
        self.insert(
            "quiz_attempts", id=attempt_id, quiz=1, userid=user, attempt=1, uniqueid=attempt_id, preview=0,
            state=state, timestart=at - 60, timefinish=at, timemodified=at, sumgrades="7.50000",
        )  # fmt: skip
        self.insert("question_usages", id=attempt_id, contextid=1, component="mod_quiz")
        for slot in range(1, slots + 1):
            question_attempt = attempt_id * 10 + slot
            self.insert(
                "question_attempts", id=question_attempt, questionusageid=attempt_id, slot=slot, questionid=slot,
                maxmark="1.0000000", minfraction="0.0000000", maxfraction="1.0000000", timemodified=at,
                responsesummary="An answer",
            )  # fmt: skip
            for number, step_state in enumerate(("todo", "gradedright")):
                self.insert(
                    "question_attempt_steps", id=question_attempt * 10 + number, questionattemptid=question_attempt,
                    sequencenumber=number, state=step_state, timecreated=at, userid=user,
                )  # fmt: skip
