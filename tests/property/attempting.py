"""What learners do and what becomes of it: attempts, their steps, regrades, deletions."""

from __future__ import annotations

from tests.property.institution import USERS, Institution

STATES = ("inprogress", "finished", "finished", "finished", "abandoned", "overdue", "submitted")


def attempt(site: Institution, a: int, b: int, c: int) -> None:
    """An account attempts a quiz; what it answers and how far it gets is up to the numbers."""
    quiz, user = site.pick("quiz", a), USERS[b % len(USERS)]
    if quiz is None:
        return
    number = 1 + site.value(
        f"select coalesce(max(attempt), 0) from mdl_quiz_attempts where quiz = {quiz} and userid = {user}"
    )
    usage, state = site.new_id(), STATES[c % len(STATES)]
    layout = "1,2,0"
    site.insert("question_usages", id=usage, contextid=1, component="mod_quiz", preferredbehaviour="deferredfeedback")
    site.insert(
        "quiz_attempts", id=site.new_id(), quiz=quiz, userid=user, attempt=number, uniqueid=usage, layout=layout,
        currentpage=0, preview=int(c % 11 == 0), state=state, timestart=site.clock - 60,
        timefinish=site.clock if state in ("finished", "submitted") else 0, timemodified=site.clock, sumgrades=None,
    )  # fmt: skip
    for slot in (1, 2):
        question_attempt = site.new_id()
        site.insert(
            "question_attempts", id=question_attempt, questionusageid=usage, slot=slot, questionid=1 + (b + slot) % 3,
            maxmark="1.0000000", minfraction="0.0000000", maxfraction="1.0000000", flagged=0, timemodified=site.clock,
        )  # fmt: skip
        _step(site, question_attempt, 0, "todo", None, user)
        if state == "finished":
            _step(site, question_attempt, 1, "gradedpartial", ((a + b + c + slot) % 5) / 4, user)
    _sum_up(site, usage)


def _step(site: Institution, question_attempt: int, number: int, state: str, fraction: float | None, user: int) -> None:
    site.insert(
        "question_attempt_steps", id=site.new_id(), questionattemptid=question_attempt, sequencenumber=number,
        state=state,
        fraction=None if fraction is None else f"{fraction:.7f}", timecreated=site.clock, userid=user,
    )  # fmt: skip


def _sum_up(site: Institution, usage: int) -> None:
    site.connection.execute(
        """update mdl_quiz_attempts set sumgrades = case when state = 'finished' then (
            select printf('%.5f', sum(coalesce(s.fraction, 0))) from mdl_question_attempts q
            join mdl_question_attempt_steps s on s.questionattemptid = q.id
            where q.questionusageid = uniqueid and s.sequencenumber = (
                select max(sequencenumber) from mdl_question_attempt_steps where questionattemptid = q.id)) end
        where uniqueid = ?""",
        [usage],
    )


def stranger(site: Institution, a: int, b: int, c: int) -> None:
    """A row names an account that nothing else names, or that row goes and the account with it."""
    found = site.pick("quiz_grades", a, f"userid > {max(USERS)}")
    if found is None or c % 2:
        quiz, user = site.pick("quiz", b), max(USERS) + 1 + a % 3
        values = {"quiz": quiz, "userid": user, "grade": "1.00000"}
        site.insert("quiz_grades", id=site.new_id(), timemodified=site.clock, **values)
    else:
        site.delete("quiz_grades", f"id = {found}")


def autosave(site: Institution, a: int, b: int, c: int) -> None:
    """An open attempt is saved in passing: a step below zero, and only the question attempt's time moves."""
    found = site.pick("quiz_attempts", a, "state in ('inprogress', 'overdue')")
    if found is None:
        return
    usage = site.value(f"select uniqueid from mdl_quiz_attempts where id = {found}")
    question_attempt = site.pick("question_attempts", b, f"questionusageid = {usage}")
    if question_attempt is not None:
        site.delete("question_attempt_steps", f"questionattemptid = {question_attempt} and sequencenumber < 0")
        _step(site, question_attempt, -1, ("complete", "invalid")[c % 2], None, USERS[0])
        site.update("question_attempts", f"id = {question_attempt}", timemodified=site.clock)


def transition(site: Institution, a: int, b: int, c: int) -> None:
    """An attempt ends, is given up, comes overdue or is opened again."""
    found = site.pick("quiz_attempts", a)
    if found is None:
        return
    state = STATES[c % len(STATES)]
    usage = site.value(f"select uniqueid from mdl_quiz_attempts where id = {found}")
    finish = site.clock if state in ("finished", "submitted") else 0
    site.update("quiz_attempts", f"id = {found}", state=state, timefinish=finish, timemodified=site.clock)
    if state == "finished":
        for question_attempt in site.ids("question_attempts", f"questionusageid = {usage}"):
            site.delete("question_attempt_steps", f"questionattemptid = {question_attempt} and sequencenumber < 0")
            steps = f"mdl_question_attempt_steps where questionattemptid = {question_attempt}"
            last = site.value(f"select max(sequencenumber) from {steps}")
            waits = (b + question_attempt) % 7 == 0
            _step(
                site,
                question_attempt,
                last + 1,
                "needsgrading" if waits else "gradedright",
                None if waits else 1,
                USERS[0],
            )
            site.update("question_attempts", f"id = {question_attempt}", timemodified=site.clock)
    _sum_up(site, usage)


def regrade(site: Institution, a: int, b: int, c: int) -> None:
    """Steps are rewritten in place, with their old times; only the attempts' times move."""
    found = site.pick("quiz_attempts", a, "state = 'finished'")
    if found is None:
        return
    usage = site.value(f"select uniqueid from mdl_quiz_attempts where id = {found}")
    fraction = f"{(c % 5) / 4:.7f}"
    for question_attempt in site.ids("question_attempts", f"questionusageid = {usage}"):
        site.update(
            "question_attempt_steps",
            f"questionattemptid = {question_attempt} and sequencenumber > 0",
            fraction=fraction,
        )
        site.update("question_attempts", f"id = {question_attempt}", timemodified=site.clock)
    _sum_up(site, usage)
    site.update("quiz_attempts", f"id = {found}", timemodified=site.clock)


def delete_attempt(site: Institution, a: int, b: int, c: int) -> None:
    found = site.pick("quiz_attempts", a)
    if found is not None:
        delete_attempts(site, f"id = {found}")


def delete_attempts(site: Institution, where: str) -> None:
    usages = f"select uniqueid from mdl_quiz_attempts where {where}"
    attempts = f"select id from mdl_question_attempts where questionusageid in ({usages})"
    site.delete("question_attempt_steps", f"questionattemptid in ({attempts})")
    site.delete("question_attempts", f"questionusageid in ({usages})")
    site.delete("question_usages", f"id in ({usages})")
    site.delete("quiz_attempts", where)
