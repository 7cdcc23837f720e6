"""The eXeLearning plugin at the server: what pages send to it, and the rows that it writes then (DOMAIN 1.2).

A package is one activity. Each of its methods gives a step of a site's life; what the plugin answered is in `answers`.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.property.histories import Step
from tests.property.institution import Institution

ACTIVITY, COURSE, MODULE, COURSE_MODULE = 7, 2, 3, 70
TERMINAL = ("passed", "failed", "completed")
OVERALL, PER_ITEM = 0, 1


@dataclass
class Package:
    """An activity with gradable parts. `max_attempts` 0 is no cap; `emits` says whether it is graded by xAPI."""

    parts: tuple[str, ...] = ("one", "two", "three")
    grade_model: int = PER_ITEM
    max_grade: int = 100
    min_grade: int = 0
    max_attempts: int = 0
    is_graded: bool = True
    emits: bool = True
    answers: list[str] = field(default_factory=list)

    def found(self) -> Step:
        """The activity, its parts and its columns in the gradebook: one for the whole, or one for each part."""

        def step(site: Institution) -> None:
            site.insert("modules", id=MODULE, name="exelearning", visible=1)
            site.insert(
                "exelearning", id=ACTIVITY, course=COURSE, name="A package", revision=1, grademax=_five(self.max_grade),
                grademin=_five(self.min_grade), gradepass=_five(0), grademethod=0, grademodel=self.grade_model,
                gradeenabled=int(self.is_graded), maxattempt=self.max_attempts, timecreated=site.clock,
                timemodified=site.clock,
            )  # fmt: skip
            site.insert(
                "course_modules", id=COURSE_MODULE, course=COURSE, module=MODULE, instance=ACTIVITY, section=COURSE,
                added=site.clock, visible=1, completion=0, deletioninprogress=0,
            )  # fmt: skip
            for number, part in enumerate(self.parts, start=1):
                site.insert(
                    "exelearning_grade_item", id=70 + number, exelearningid=ACTIVITY, itemnumber=number, objectid=part,
                    name=part, grademax=_five(100), grademin=_five(0), deleted=0, timecreated=site.clock,
                    timemodified=site.clock,
                )  # fmt: skip
            columns = range(1, len(self.parts) + 1) if self.grade_model == PER_ITEM else (0,)
            for number in columns if self.is_graded else ():
                site.add_item(70 + number, COURSE, "mod", ACTIVITY, "exelearning", self.max_grade)
                site.update("grade_items", f"id = {70 + number}", itemnumber=number)

        return _at_once(step)

    def set(self, **values: object) -> Step:
        """The teacher changes the activity's settings."""
        return _at_once(lambda site: site.update("exelearning", f"id = {ACTIVITY}", timemodified=site.clock, **values))

    def switch(self, on: bool) -> Step:
        """The administrator turns grading by xAPI on or off for the whole site."""

        def step(site: Institution) -> None:
            self.emits = on

        return _at_once(step)

    def state(
        self, verb: str, scaled: float | None = None, *, statement: str, page: str, user: int, part: str | None = None,
        previews: bool = False, dies: bool = False,
    ) -> Step:  # fmt: skip
        """A page sends a statement. `dies`: the request ends before the statement is noted, after all else."""
        identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, statement))

        def step(site: Institution) -> None:
            self.answers.append(self._take(site, verb, scaled, identifier, page, user, part, previews, dies))

        return _at_once(step)

    def commit(
        self, scores: Mapping[str, float], *, page: str, user: int, status: str | None = None, previews: bool = False,
        origin: str = "web",
    ) -> Step:  # fmt: skip
        """A page saves by SCORM: the parts' scores in percent; the whole is their mean."""

        def step(site: Institution) -> None:
            self.answers.append(self._save(site, scores, _token(page), user, status, previews, origin))

        return _at_once(step)

    def _take(
        self, site: Institution, verb: str, scaled: float | None, statement: str, page: str, user: int,
        part: str | None, previews: bool, dies: bool,
    ) -> str:  # fmt: skip
        token = _token(page)[:40]
        if not self.emits:
            return "disabled"
        if previews:
            return "preview"
        if site.ids("exelearning_tracking_events", f"statementid = '{statement}'"):
            return "duplicate"

        def note() -> None:
            site.insert(
                "exelearning_tracking_events", id=site.new_id(), exelearningid=ACTIVITY, userid=user,
                statementid=statement, verb=verb, objectid=part, registration=token or None,
                scaled=None if scaled is None else _five(scaled), timecreated=site.clock,
            )  # fmt: skip

        if scaled is None:
            note()
            return "lifecycle"
        if not self.is_graded:
            note()
            return "noop"
        if part is not None and part not in self.parts:
            return "unknownobjectid"
        number = self._attempt(site, user, token)
        if number is None:
            return "maxattemptsreached"
        begins = self._is_new(site, user, number)
        before = self._status(site, user, number)
        if part is not None:
            self._score(site, user, number, self.parts.index(part) + 1, scaled * self.max_grade, "completed", token)
        else:
            whole = max(self.min_grade, min(self.max_grade, scaled * self.max_grade))
            self._score(site, user, number, 0, whole, verb, token)
        self._log(site, user, number, begins, before, None if part else verb, "web")
        if not dies:
            note()
        return "graded"

    def _save(
        self, site: Institution, scores: Mapping[str, float], token: str, user: int, status: str | None,
        previews: bool, origin: str,
    ) -> str:  # fmt: skip
        if not scores:
            return "noop"
        if previews:
            return "preview"
        number = self._attempt(site, user, token)
        if number is None:
            return "maxattemptsreached"
        begins = self._is_new(site, user, number)
        before = self._status(site, user, number)
        for part, percent in scores.items():
            score = percent / 100 * self.max_grade
            self._score(site, user, number, self.parts.index(part) + 1, score, "completed", token)
        mean = sum(scores.values()) / len(scores) / 100 * self.max_grade
        said = status or "completed"
        self._score(site, user, number, 0, max(self.min_grade, min(self.max_grade, mean)), said, token)
        self._log(site, user, number, begins, before, said, origin)
        return "graded"

    def _attempt(self, site: Institution, user: int, token: str) -> int | None:
        """The page load's attempt, or the next one; none where the cap does not let it begin."""
        mine = f"exelearningid = {ACTIVITY} and userid = {user}"
        if token and (known := site.ids("exelearning_attempt", f"{mine} and sessiontoken = '{token}'")):
            return site.value(f"select attempt from mdl_exelearning_attempt where id = {known[0]}")
        table = f"mdl_exelearning_attempt where {mine}"
        allowed = site.value(f"select maxattempt from mdl_exelearning where id = {ACTIVITY}")
        if allowed and site.value(f"select count(distinct attempt) from {table}") >= allowed:
            return None
        return 1 + site.value(f"select coalesce(max(attempt), 0) from {table}")

    def _is_new(self, site: Institution, user: int, number: int) -> bool:
        return not site.ids("exelearning_attempt", _row(user, number))

    def _status(self, site: Institution, user: int, number: int) -> str | None:
        sql = f"select status from mdl_exelearning_attempt where {_row(user, number)} and itemnumber = 0"
        found = site.connection.execute(sql).fetchone()
        return None if found is None else found[0]

    def _score(
        self, site: Institution, user: int, number: int, item: int, score: float, status: str, token: str
    ) -> None:
        """Write the score over what is there, and send the best of all attempts to the gradebook."""
        scaled = max(0.0, min(1.0, score / self.max_grade))
        values = {
            "rawscore": _five(score), "maxscore": _five(self.max_grade), "scaledscore": _five(scaled), "status": status,
            "sessiontoken": token, "timemodified": site.clock,
        }  # fmt: skip
        row = f"{_row(user, number)} and itemnumber = {item}"
        if site.ids("exelearning_attempt", row):
            site.update("exelearning_attempt", row, **values)
        else:
            site.insert(
                "exelearning_attempt", id=site.new_id(), exelearningid=ACTIVITY, userid=user, attempt=number,
                itemnumber=item, timecreated=site.clock, **values,
            )  # fmt: skip
        if site.ids("grade_items", f"itemmodule = 'exelearning' and id = {70 + item}"):
            self._publish(site, user, item)

    def _publish(self, site: Institution, user: int, item: int) -> None:
        best = site.connection.execute(
            "select max(cast(scaledscore as real)) from mdl_exelearning_attempt "
            f"where exelearningid = {ACTIVITY} and userid = {user} and itemnumber = {item}"
        ).fetchone()[0]
        grade = _five(best * self.max_grade)
        values = {"rawgrade": grade, "finalgrade": grade, "timemodified": site.clock}
        row = f"itemid = {70 + item} and userid = {user}"
        if site.ids("grade_grades", row):
            site.update("grade_grades", row, **values)
        else:
            site.insert(
                "grade_grades", id=site.new_id(), itemid=70 + item, userid=user, rawgrademax=_five(self.max_grade),
                rawgrademin=_five(0), hidden=0, locked=0, locktime=0, overridden=0, excluded=0, timecreated=site.clock,
                **values,
            )  # fmt: skip

    def _log(
        self, site: Institution, user: int, number: int, begins: bool, before: str | None, said: str | None, origin: str
    ) -> None:
        """Started with the first score; completed when the whole comes to an end for the first time."""
        if begins:
            self._entry(site, user, "started", "c", {"attempt": number}, origin)
        if said in TERMINAL and before not in TERMINAL:
            best = site.connection.execute(
                "select max(cast(scaledscore as real)) from mdl_exelearning_attempt "
                f"where exelearningid = {ACTIVITY} and userid = {user} and itemnumber = 0"
            ).fetchone()[0]
            other = {"attempt": number, "score": best * self.max_grade, "status": said}
            self._entry(site, user, "completed", "u", other, origin)

    def _entry(
        self, site: Institution, user: int, action: str, crud: str, other: dict[str, object], origin: str
    ) -> None:
        site.insert(
            "logstore_standard_log", id=site.new_id(), eventname=f"\\mod_exelearning\\event\\attempt_{action}",
            component="mod_exelearning", action=action, target="attempt", objecttable="exelearning", objectid=ACTIVITY,
            crud=crud, edulevel=2, contextid=1, contextlevel=70, contextinstanceid=COURSE_MODULE, userid=user,
            courseid=COURSE, relateduserid=user, other=json.dumps(other), timecreated=site.clock, origin=origin,
        )  # fmt: skip


def _row(user: int, number: int) -> str:
    return f"exelearningid = {ACTIVITY} and userid = {user} and attempt = {number}"


def _token(page: str) -> str:
    """What is left of a page load's token: letters, digits, hyphens and underscores."""
    return re.sub(r"[^A-Za-z0-9_-]", "", page)


def _five(number: float) -> str:
    return f"{number:.5f}"


def _at_once(step: Step) -> Step:
    """In one transaction; a second later the next one can come."""

    def happen(site: Institution) -> None:
        site.connection.execute("begin")
        step(site)
        site.connection.execute("commit")
        site.clock += 1

    return happen
