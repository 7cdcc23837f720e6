"""What happens to quizzes, people, courses and the site. Where Moodle moves no time, none moves here."""

from __future__ import annotations

from tests.property.attempting import delete_attempts
from tests.property.institution import (
    COURSES,
    DAY,
    HOUR,
    QUIZ_MODULE,
    QUIZZES,
    START,
    STUDENT,
    TEACHER,
    USERS,
    Institution,
)


def edit_quiz(site: Institution, a: int, b: int, c: int) -> None:
    quiz = site.pick("quiz", a)
    if quiz is None:
        return
    changes: tuple[dict[str, object], ...] = (
        {"grademethod": 1 + c % 4}, {"sumgrades": f"{c % 4}.00000"}, {"grade": f"{c % 3 * 10}.00000"},
        {"name": f"Quiz {c}"},
        {"timeclose": site.clock + c % 3 * DAY}, {"attempts": c % 3}, {"course": COURSES[c % 2]},
    )  # fmt: skip
    site.update("quiz", f"id = {quiz}", **changes[b % len(changes)])


def delete_quiz(site: Institution, a: int, b: int, c: int) -> None:
    quiz = site.pick("quiz", a)
    if quiz is None:
        return
    if c % 2:
        delete_attempts(site, f"quiz = {quiz}")
        site.delete("quiz_grades", f"quiz = {quiz}")
        site.delete("course_modules", f"module = {QUIZ_MODULE} and instance = {quiz}")
    site.delete("quiz", f"id = {quiz}")


def feedback(site: Institution, a: int, b: int, c: int) -> None:
    found = site.pick("quiz_feedback", a)
    if found is not None and c % 3 == 0:
        site.delete("quiz_feedback", f"id = {found}")
        return
    site.insert(
        "quiz_feedback", id=site.new_id(), quizid=QUIZZES[a % 3], feedbacktext=f"Band {c % 4}",
        mingrade=f"{b % 5}.00000",
        maxgrade=f"{b % 5 + 1 + c % 8}.00000",
    )  # fmt: skip


def edit_question(site: Institution, a: int, b: int, c: int) -> None:
    question = site.pick("question", a)
    if question is not None:
        site.update("question", f"id = {question}", length=c % 2, timemodified=site.clock)


def edit_user(site: Institution, a: int, b: int, c: int) -> None:
    """An account is renamed, suspended, deleted as Moodle does it, or its row is gone for good. It may come back."""
    user = USERS[a % len(USERS)]
    if not site.ids("user", f"id = {user}"):
        site.insert(
            "user", id=user, username=f"u{user}", deleted=0, suspended=0, timezone="99", timemodified=site.clock
        )
    elif c % 5 == 0:
        site.delete("user", f"id = {user}")
    elif c % 5 == 1:
        site.update("user", f"id = {user}", deleted=1, username=f"x{c}", timemodified=site.clock)
        for table in ("user_enrolments", "role_assignments", "groups_members", "grade_grades"):
            site.delete(table, f"userid = {user}")
    else:
        changes: tuple[dict[str, object], ...] = (
            {"suspended": c % 2},
            {"lastaccess": site.clock},
            {"timezone": "UTC"},
            {"email": f"e{c}@example.org"},
            {"deleted": 0},
        )
        site.update("user", f"id = {user}", **changes[b % len(changes)])


def enrolment(site: Institution, a: int, b: int, c: int) -> None:
    """An account is enrolled, leaves with its grades, is suspended or gets a term."""
    user, course = USERS[a % len(USERS)], COURSES[b % 2]
    where = f"userid = {user} and enrolid = {course}"
    if not site.ids("user_enrolments", where):
        site.enrol(user, course)
    elif c % 3 == 0:
        site.delete("user_enrolments", where)
        site.delete("role_assignments", f"userid = {user} and contextid = {10 + course}")
        site.delete(
            "grade_grades", f"userid = {user} and itemid in (select id from mdl_grade_items where courseid = {course})"
        )
    else:
        changes: tuple[dict[str, object], ...] = (
            {"status": c % 2},
            {"timestart": site.clock + c % 3 * DAY},
            {"timeend": site.clock + c % 3 * DAY},
            {"enrolid": 5 - course},
        )
        site.update("user_enrolments", where, timemodified=site.clock, **changes[c % len(changes)])


def method(site: Institution, a: int, b: int, c: int) -> None:
    changes: tuple[dict[str, object], ...] = ({"status": c % 2}, {"courseid": COURSES[c % 2]}, {"enrol": "self"})
    site.update("enrol", f"id = {COURSES[a % 2]}", **changes[b % 3])


def role(site: Institution, a: int, b: int, c: int) -> None:
    found = site.pick("role_assignments", a)
    if found is None or c % 2:
        site.insert(
            "role_assignments", id=site.new_id(), roleid=(STUDENT, TEACHER)[b % 2], contextid=(1, 12, 13)[c % 3],
            userid=USERS[a % len(USERS)], timemodified=site.clock,
        )  # fmt: skip
    else:
        site.delete("role_assignments", f"id = {found}")


def complete(site: Institution, a: int, b: int, c: int) -> None:
    """An activity is completed, or not any more."""
    module, user = site.pick("course_modules", a), USERS[b % len(USERS)]
    if module is None:
        return
    where = f"coursemoduleid = {module} and userid = {user}"
    if c % 6 == 5:
        site.delete("course_modules_completion", where)
    elif site.ids("course_modules_completion", where):
        site.update("course_modules_completion", where, completionstate=c % 4, timemodified=site.clock)
    else:
        site.insert(
            "course_modules_completion", id=site.new_id(), coursemoduleid=module, userid=user, completionstate=c % 4,
            overrideby=(None, 2)[c % 2], timemodified=site.clock,
        )  # fmt: skip
    course = site.pick("course", b, "id > 1")
    if course is not None and c % 4 == 0:
        site.delete("course_completions", f"course = {course} and userid = {user}")
        site.insert(
            "course_completions", id=site.new_id(), userid=user, course=course, timeenrolled=START,
            timestarted=site.clock,
            timecompleted=(None, site.clock)[a % 2], reaggregate=0,
        )  # fmt: skip


def course_module(site: Institution, a: int, b: int, c: int) -> None:
    """An activity is hidden, tracked, moved, on its way out or gone. No time moves."""
    module = site.pick("course_modules", a)
    if module is None:
        return
    if c % 7 == 0:
        site.delete("course_modules", f"id = {module}")
        return
    changes: tuple[dict[str, object], ...] = (
        {"visible": c % 2}, {"completion": c % 3}, {"deletioninprogress": c % 2}, {"course": COURSES[c % 2]},
        {"section": COURSES[c % 2]}, {"instance": 1 + c % 3},
    )  # fmt: skip
    site.update("course_modules", f"id = {module}", **changes[b % len(changes)])


def edit_course(site: Institution, a: int, b: int, c: int) -> None:
    course = site.pick("course", a, "id > 1")
    if course is None:
        return
    if c % 9 == 0:
        site.delete("course", f"id = {course}")
        return
    changes: tuple[dict[str, object], ...] = (
        {"visible": c % 2},
        {"fullname": f"Course {c}"},
        {"enablecompletion": c % 2},
        {"category": c % 2},
    )
    site.update("course", f"id = {course}", timemodified=site.clock, **changes[b % len(changes)])


def reset_course(site: Institution, a: int, b: int, c: int) -> None:
    course = COURSES[a % 2]
    quizzes = f"select id from mdl_quiz where course = {course}"
    delete_attempts(site, f"quiz in ({quizzes})")
    site.delete("quiz_grades", f"quiz in ({quizzes})")
    site.delete("grade_grades", f"itemid in (select id from mdl_grade_items where courseid = {course})")
    site.delete(
        "course_modules_completion", f"coursemoduleid in (select id from mdl_course_modules where course = {course})"
    )


def setting(site: Institution, a: int, b: int, c: int) -> None:
    name, value = (
        ("unlimitedgrades", str(c % 2)),
        ("grade_minmaxtouse", str(1 + c % 2)),
        ("enablecompletion", str(c % 2)),
    )[a % 3]
    site.delete("config", f"name = '{name}'")
    if b % 4:
        site.insert("config", id=site.new_id(), name=name, value=value)


def group(site: Institution, a: int, b: int, c: int) -> None:
    found = site.pick("groups", a)
    if found is None or c % 3 == 0:
        found = site.new_id()
        site.insert("groups", id=found, courseid=COURSES[a % 2], name=f"Group {c}", idnumber="", timecreated=START)
    where = f"groupid = {found} and userid = {USERS[b % len(USERS)]}"
    if site.ids("groups_members", where):
        site.delete("groups_members", where)
    else:
        site.insert(
            "groups_members", id=site.new_id(), groupid=found, userid=USERS[b % len(USERS)], timeadded=site.clock
        )


def clock(site: Institution, a: int, b: int, c: int) -> None:
    """Time goes by; now and then the server's clock is set back."""
    site.clock += -(1 + b % 3) * HOUR if c % 5 == 0 else (1 + a % 40) * HOUR


def upgrade(site: Institution, a: int, b: int, c: int) -> None:
    """The site's software is upgraded: a column or a table comes."""
    if a % 4 == 0:
        names = [row[1] for row in site.connection.execute("pragma table_info(mdl_quiz)")]
        if "reviewmaxmarks" not in names:
            site.connection.execute(f"alter table mdl_quiz add column reviewmaxmarks default {c}")
    elif a % 4 == 1 and not site.has_table("quiz_grade_items"):
        site.connection.execute("create table mdl_quiz_grade_items (id, quizid, sortorder, name)")
        site.insert("quiz_grade_items", id=1, quizid=1, sortorder=1, name="Part")
    elif a % 4 == 2 and not site.has_table("scorm"):
        columns = "id, course, name, maxgrade, grademethod, whatgrade, maxattempt, timeopen, timeclose"
        site.connection.execute(f"create table mdl_scorm ({columns})")
        site.insert("scorm", id=1, course=2, name="Package", maxgrade=100, grademethod=1, whatgrade=c % 4, maxattempt=0)
    elif a % 4 == 3 and not site.has_table("course_modules_viewed"):
        site.connection.execute("create table mdl_course_modules_viewed (id, coursemoduleid, userid, timecreated)")
        site.insert("course_modules_viewed", id=1, coursemoduleid=1, userid=USERS[0], timecreated=site.clock)
