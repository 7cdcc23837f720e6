"""What happens in packages: eXeLearning and SCORM attempts, their deletion, their settings and parts."""

from __future__ import annotations

from tests.property.grading import book
from tests.property.institution import USERS, Institution

EXELEARNINGS, PARTS = (1, 2), (0, 1, 2)
SCORMS, SCOES = (1, 2), (1, 2, 3)
ELEMENTS = ("cmi.core.lesson_status", "cmi.core.score.raw", "cmi.core.total_time", "x.start.time", "cmi.score.raw")
_VALUES = {
    "cmi.core.lesson_status": ("passed", "incomplete", "failed", "completed"),
    "cmi.core.total_time": ("00:10:00.00", "PT5M"),
    "x.start.time": ("1750000000",),
}


def found_packages(site: Institution) -> None:
    """Two eXeLearning activities, one graded as a whole and one by parts, and the parts of two SCORM packages."""
    for activity, course in zip(EXELEARNINGS, (2, 3), strict=True):
        site.insert(
            "exelearning", id=activity, course=course, name=f"Package {activity}", grademax="100.00000",
            grademin="0.00000", gradepass="0.00000", grademethod=0, grademodel=activity - 1, gradeenabled=1,
            maxattempt=0,
        )  # fmt: skip
        site.add_item(60 + activity, course, "mod", activity, "exelearning", 100)
        site.insert("exelearning_grade_item", id=activity, exelearningid=activity, itemnumber=1, deleted=0)
    site.update("grade_items", "id = 62", itemnumber=1)
    for number, element in enumerate(ELEMENTS, start=1):
        site.insert("scorm_element", id=number, element=element)
    for sco in SCOES:
        site.insert(
            "scorm_scoes", id=sco, scorm=SCORMS[sco % 2], launch="index.html" if sco < 3 else "", title=f"{sco}"
        )


def commit_package(site: Institution, a: int, b: int, c: int) -> None:
    """A part or the whole of an attempt is scored, anew or over what is there; sometimes the gradebook is told."""
    activity, user, part, number = EXELEARNINGS[a % 2], USERS[b % len(USERS)], PARTS[c % 3], 1 + c // 3 % 3
    score = c % 104
    values = {
        "rawscore": f"{score}.00000", "maxscore": "100.00000", "scaledscore": f"{score / 100:.5f}",
        "status": ("completed", "passed", "failed", "incomplete")[c % 4], "timemodified": site.clock,
    }  # fmt: skip
    key = f"exelearningid = {activity} and userid = {user} and attempt = {number} and itemnumber = {part}"
    if site.pick("exelearning_attempt", 0, key) is None:
        site.insert(
            "exelearning_attempt", id=site.new_id(), exelearningid=activity, userid=user, attempt=number,
            itemnumber=part, sessiontoken=f"load{activity}{user}{number}" if c % 5 else "", gradable=int(c % 7 > 0),
            timecreated=site.clock, **values,
        )  # fmt: skip
    else:
        site.update("exelearning_attempt", key, **values)
    if c % 2:
        site.insert(
            "exelearning_tracking_events", id=site.new_id(), exelearningid=activity, userid=user,
            statementid=f"s{site.clock}", verb=("answered", "completed", "passed", "failed")[c % 4],
            registration=f"load{activity}{user}{number}", scaled=values["scaledscore"], timecreated=site.clock,
        )  # fmt: skip
    item = site.pick("grade_items", 0, f"itemmodule = 'exelearning' and iteminstance = {activity}")
    if item is not None and c % 3 == 0:
        book(site, item, user, f"{min(score, 100)}.00000")


def delete_package_attempt(site: Institution, a: int, b: int, c: int) -> None:
    """A row or a whole attempt goes; no time tells of it."""
    for table in ("exelearning_attempt", "scorm_attempt", "scorm_scoes_value"):
        found = site.pick(table, a)
        if found is not None and c % 2:
            site.delete(table, f"id = {found}")


def edit_package(site: Institution, a: int, b: int, c: int) -> None:
    activity = EXELEARNINGS[a % 2]
    changes: tuple[dict[str, object], ...] = (
        {"grademethod": c % 5}, {"grademodel": c % 2}, {"grademax": f"{50 + c % 50}.00000"}, {"gradeenabled": c % 2},
    )  # fmt: skip
    site.update("exelearning", f"id = {activity}", **changes[b % len(changes)])
    site.update("exelearning_grade_item", f"id = {activity}", deleted=c % 2)
    if site.has_table("scorm"):
        site.update("scorm", "id = 1", grademethod=c % 4, whatgrade=a % 4, maxattempt=b % 3)
    site.update("scorm_scoes", f"id = {SCOES[c % 3]}", scorm=SCORMS[b % 2], launch="x" if a % 2 else "")


def report_scorm(site: Institution, a: int, b: int, c: int) -> None:
    """A part of a package reports a value, in an attempt that may be new."""
    scorm, user, number = SCORMS[a % 2], USERS[b % len(USERS)], 1 + c % 3
    attempt = site.pick("scorm_attempt", 0, f"scormid = {scorm} and userid = {user} and attempt = {number}")
    if attempt is None:
        attempt = site.new_id()
        site.insert("scorm_attempt", id=attempt, scormid=scorm, userid=user, attempt=number)
    element = c % len(ELEMENTS)
    name = ELEMENTS[element]
    choices = _VALUES.get(name, (str(c % 101), "0", "much"))
    value, sco = choices[a % len(choices)], SCOES[b % 3]
    key = f"attemptid = {attempt} and scoid = {sco} and elementid = {element + 1}"
    if site.pick("scorm_scoes_value", 0, key) is None:
        site.insert(
            "scorm_scoes_value", id=site.new_id(), attemptid=attempt, scoid=sco, elementid=element + 1, value=value,
            timemodified=site.clock,
        )  # fmt: skip
    else:
        site.update("scorm_scoes_value", key, value=value, timemodified=site.clock)


def report_old_scorm(site: Institution, a: int, b: int, c: int) -> None:
    """The same in the table of an older site."""
    name = ELEMENTS[c % len(ELEMENTS)]
    choices = _VALUES.get(name, (str(c % 101), "0"))
    site.insert(
        "scorm_scoes_track", id=site.new_id(), scormid=SCORMS[a % 2], userid=USERS[b % len(USERS)], attempt=4 + c % 2,
        scoid=SCOES[b % 3], element=name, value=choices[a % len(choices)], timemodified=site.clock,
    )  # fmt: skip
