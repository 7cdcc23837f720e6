"""A small institution as a Moodle database. Its times come from its own clock, which events move."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.ingestion.moodle.site import Site

START = 1_750_000_000
HOUR, DAY = 3600, 86_400
STUDENT, TEACHER = 5, 3
USERS, COURSES, QUIZZES = range(2, 7), (2, 3), (1, 2, 3)
QUIZ_MODULE, PAGE_MODULE = 1, 2


class Institution(Site):
    """Two courses, three quizzes, five accounts, and nobody has done anything yet."""

    clock = START
    _last_id = 200

    def __init__(self, path: Path) -> None:
        # An older site: a column and tables that come later.
        super().__init__(path, without=("quiz.reviewmaxmarks", "quiz_grade_items", "scorm", "course_modules_viewed"))
        self.connection.execute("begin")
        self._found()
        self.connection.execute("commit")

    @classmethod
    def reopened(cls, path: Path) -> Institution:
        """A copy of a founded institution, to which everything can still happen."""
        site = cls.__new__(cls)
        site.path, site.prefix = path, "mdl_"
        site._last_id = 1000
        site.connection = sqlite3.connect(path, isolation_level=None)
        site.connection.execute("pragma synchronous = off")
        site.connection.execute("pragma journal_mode = memory")
        return site

    def insert(self, table: str, **values: object) -> None:
        """Insert a row. Columns of Moodle's that no contract lists are left out; a table that is not there stays so."""
        if known := self._known(table, values):
            super().insert(table, **known)

    def update(self, table: str, where: str, **values: object) -> None:
        if known := self._known(table, values):
            super().update(table, where, **known)

    def _known(self, table: str, values: dict[str, object]) -> dict[str, object]:
        columns = {row[1] for row in self.connection.execute(f'pragma table_info("mdl_{table}")')}
        return {name: value for name, value in values.items() if name in columns}

    def new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def ids(self, table: str, where: str = "1 = 1") -> list[int]:
        rows = self.connection.execute(f'select id from "mdl_{table}" where {where} order by id')
        return [row[0] for row in rows]

    def pick(self, table: str, number: int, where: str = "1 = 1") -> int | None:
        """One of a table's ids; None where there is none."""
        ids = self.ids(table, where)
        return ids[number % len(ids)] if ids else None

    def has_table(self, table: str) -> bool:
        sql = "select count(*) from sqlite_master where name = ?"
        return bool(self.connection.execute(sql, [f"mdl_{table}"]).fetchone()[0])

    def value(self, sql: str) -> int:
        return int(self.connection.execute(sql).fetchone()[0])

    def _found(self) -> None:
        put = self.insert
        for name, value in (("timezone", "Europe/Madrid"), ("release", "4.5.6"), ("grade_minmaxtouse", "1")):
            put("config", id=self.new_id(), name=name, value=value)
        put("course", id=1, category=0, fullname="Front page", shortname="front", timemodified=START)
        put("course_categories", id=1, name="Faculty", parent=0, depth=1, path="/1", visible=1, timemodified=START)
        put("context", id=1, contextlevel=10, instanceid=0, path="/1", depth=1)
        put("role", id=STUDENT, shortname="student", archetype="student")
        put("role", id=TEACHER, shortname="teacher", archetype="editingteacher")
        for user in USERS:
            put(
                "user", id=user, username=f"u{user}", firstname="A", lastname="B", email=f"u{user}@example.org",
                deleted=0,
                suspended=0, timezone="99", lang="es", country="ES", timecreated=START, timemodified=START,
                firstaccess=START, lastaccess=START,
            )  # fmt: skip
        for course in COURSES:
            self._found_course(course)
        for question in (1, 2, 3):
            put(
                "question", id=question, parent=0, name=f"Question {question}", defaultmark="1.0000000",
                qtype="numerical",
                length=1, timecreated=START, timemodified=START,
            )  # fmt: skip
        for quiz in QUIZZES:
            self._found_quiz(quiz, COURSES[quiz % 2])
        for user in USERS:
            for course in COURSES:
                self.enrol(user, course)

    def _found_course(self, course: int) -> None:
        self.insert(
            "course", id=course, category=1, fullname=f"Course {course}", shortname=f"c{course}", format="topics",
            visible=1, enablecompletion=1, startdate=START, enddate=0, timecreated=START, timemodified=START,
        )  # fmt: skip
        self.insert("course_sections", id=course, course=course, section=1, name="One", sequence="", visible=1)
        self.insert("context", id=10 + course, contextlevel=50, instanceid=course, path=f"/1/{10 + course}", depth=2)
        self.insert("enrol", id=course, enrol="manual", status=0, courseid=course, timecreated=START)
        self.insert(
            "grade_categories",
            id=course,
            courseid=course,
            depth=1,
            path=f"/{course}/",
            fullname="?",
            aggregation=13,
            hidden=0,
        )
        self.add_item(10 + course, course, "course", course, None, 100)
        self.insert(
            "course_modules", id=20 + course, course=course, module=PAGE_MODULE, instance=course, section=course,
            added=START,
            visible=1, completion=1, deletioninprogress=0,
        )  # fmt: skip
        self.insert("page", id=course, course=course, name="A page")

    def _found_quiz(self, quiz: int, course: int) -> None:
        self.insert(
            "quiz", id=quiz, course=course, name=f"Quiz {quiz}", timeopen=0, timeclose=0, timelimit=0, attempts=0,
            overduehandling="autosubmit", grademethod=quiz, sumgrades="2.00000", grade="10.00000", navmethod="free",
            timecreated=START, timemodified=START,
        )  # fmt: skip
        self.insert(
            "course_modules", id=quiz, course=course, module=QUIZ_MODULE, instance=quiz, section=course, added=START,
            visible=1,
            completion=2, deletioninprogress=0,
        )  # fmt: skip
        self.add_item(quiz, course, "mod", quiz, "quiz", 10)

    def add_item(self, item: int, course: int, kind: str, instance: int, module: str | None, most: int) -> None:
        self.insert(
            "grade_items", id=item, courseid=course, categoryid=course, itemname=f"Item {item}", itemtype=kind,
            itemmodule=module, iteminstance=instance, itemnumber=0 if module else None, gradetype=1,
            grademax=f"{most}.00000",
            grademin="0.00000", gradepass="0.00000", multfactor="1.00000", plusfactor="0.00000", sortorder=item,
            hidden=0,
            locked=0, locktime=0, needsupdate=0, timecreated=self.clock, timemodified=self.clock,
        )  # fmt: skip

    def enrol(self, user: int, course: int) -> None:
        self.insert(
            "user_enrolments", id=self.new_id(), status=0, enrolid=course, userid=user, timestart=0, timeend=0,
            timecreated=self.clock, timemodified=self.clock,
        )  # fmt: skip
        self.insert(
            "role_assignments",
            id=self.new_id(),
            roleid=STUDENT,
            contextid=10 + course,
            userid=user,
            timemodified=self.clock,
        )
