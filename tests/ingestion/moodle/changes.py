"""Random changes of a small site, of all kinds that a sync has to find."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.ingestion.moodle.site import Site

T0 = 1_780_000_000
USERS = range(1, 7)

changes = st.lists(
    st.tuples(
        st.sampled_from(["grade", "edit grade", "attempt", "delete attempt", "step", "delete grade", "rename", "log"]),
        st.sampled_from(USERS),
    ),
    max_size=6,
)


def change(site: Site, what: str, key: int, now: int) -> None:
    """Make one change at a time of the site's clock; `key` tells whose rows change."""
    if what in ("grade", "delete grade"):
        site.delete("quiz_grades", f"id = {key}")
        if what == "grade":
            site.insert("quiz_grades", id=key, quiz=1, userid=key, grade=f"{now % 7}.00000", timemodified=now)
    elif what == "edit grade":
        site.update("quiz_grades", f"id = {key}", grade="NaN" if key == 5 else "9.00000")
    elif what == "delete attempt":
        for table, where in (
            ("question_attempt_steps", f"questionattemptid / 10 % 10 = {key}"),
            ("question_attempts", f"questionusageid % 10 = {key}"),
            ("question_usages", f"id % 10 = {key}"),
            ("quiz_attempts", f"id % 10 = {key}"),
        ):
            site.delete(table, where)
    elif what == "attempt":
        change(site, "delete attempt", key, now)
        # Moodle never gives an id twice; a restored course brings attempts that are older than the last sync.
        attempt = (now - T0) // 1_000 * 10 + key
        site.attempt(attempt, user=key, at=now if key % 2 else T0 - 10_000_000)
    elif what == "step":
        first = f"select id from mdl_question_attempts where questionusageid % 10 = {key} and slot = 1"
        site.delete("question_attempt_steps", f"questionattemptid in ({first}) and sequencenumber = 0")
        site.update("question_attempt_steps", f"questionattemptid in ({first})", state="gradedwrong")
        site.update("question_attempts", f"id in ({first})", timemodified=now)
    elif what == "log":
        site.insert("logstore_standard_log", id=now * 10 + key, component="mod_quiz", eventname="e", timecreated=now)
    else:
        site.delete("user", f"id = {key}")
        site.insert("user", id=key, username=f"name{now % 3}", firstname="A")
