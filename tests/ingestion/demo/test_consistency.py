"""The clean institution contradicts itself nowhere; each test would fail if one row of its kind were wrong."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise

from tests.ingestion.demo.conftest import Made
from tests.ingestion.demo.lives import life_findings
from tests.ingestion.demo.site import TOLERANCE, differ, exact, findings

GRADED = {"right": (Fraction(999_999, 1_000_000), 3), "wrong": (-6, Fraction(1, 1_000_000))}


def test_nothing_in_the_clean_institution_breaks_a_rule(clean: Made) -> None:
    assert findings(clean.site) | life_findings(clean.site) == set()
    assert json.loads(clean.institution.faults.read_text(encoding="utf-8")) == []


def test_every_stored_quiz_grade_is_the_recomputed_one_or_outlived_an_abandoned_attempt(clean: Made) -> None:
    differing = [s for s in clean.site.standings if differ(s.stored, s.computed)]
    assert differing
    assert all(s.reasons and s.computed is None and s.stored is not None for s in differing)
    assert len(clean.site.standings) > 800


def test_attempts_hold_the_sum_of_their_marks_while_finished_and_marked_and_nothing_else(clean: Made) -> None:
    for row in clean.site.rows("SELECT * FROM mdl_quiz_attempts"):
        mark = clean.site.marks[row["uniqueid"]][0]
        if row["state"] != "finished" or mark is None:
            assert row["sumgrades"] is None
            assert row["gradednotificationsenttime"] is None
        else:
            assert abs(Fraction(str(row["sumgrades"])) - mark) <= TOLERANCE


def test_attempt_times_fit_their_states(clean: Made) -> None:
    for row in clean.site.rows("SELECT * FROM mdl_quiz_attempts"):
        assert 0 < row["timestart"] <= row["timemodified"] <= clean.site.now
        if row["state"] == "finished":
            assert row["timestart"] < row["timefinish"] <= row["timemodified"]
            assert row["timecheckstate"] is None
        else:
            assert row["timefinish"] == 0
            assert row["state"] != "abandoned" or row["timecheckstate"] is None
        if row["timecheckstate"] is not None:
            # The cron has nothing left to do: what is still open may still be open.
            assert row["timecheckstate"] > clean.site.now


def test_attempts_are_numbered_in_order_of_time_and_one_ends_before_the_next_begins(clean: Made) -> None:
    for series in clean.site.attempts.values():
        for one, other in pairwise(series):
            assert one["attempt"] < other["attempt"]
            assert (one["timefinish"] or one["timestart"]) < other["timestart"]
            assert one["state"] in ("finished", "abandoned")


def test_attempts_keep_to_the_effective_opening_closing_and_limit(clean: Made) -> None:
    site = clean.site
    own = {(r["quiz"], r["userid"]): r for r in site.rows("SELECT * FROM mdl_quiz_overrides WHERE userid NOT NULL")}
    groups: dict[tuple[int, int], list] = {}
    for row in site.rows(
        "SELECT o.*, m.userid AS member FROM mdl_quiz_overrides o JOIN mdl_groups_members m ON m.groupid = o.groupid"
    ):
        groups.setdefault((row["quiz"], row["member"]), []).append(row)

    def effective(pair: tuple[int, int], name: str) -> int:
        if pair in own and own[pair][name] is not None:
            return own[pair][name]
        offered = [row[name] for row in groups.get(pair, []) if row[name] is not None]
        return (0 if 0 in offered else max(offered)) if offered else site.quizzes[pair[0]][name]

    seen = set()
    for pair, series in site.attempts.items():
        closes, limit, most = (effective(pair, name) for name in ("timeclose", "timelimit", "attempts"))
        quiz = site.quizzes[pair[0]]
        assert not most or len(series) <= most
        for row in series:
            assert row["timestart"] >= quiz["timeopen"]
            ends = [moment for moment in (limit and row["timestart"] + limit, closes) if moment]
            if ends:
                assert row["timefinish"] <= min(ends) + quiz["graceperiod"]
                assert row["state"] != "inprogress" or min(ends) > site.now
                seen |= {row["state"]}
    assert seen == {"finished", "abandoned", "inprogress", "overdue"}


def test_every_usage_has_one_question_attempt_for_each_slot_of_the_layout(clean: Made) -> None:
    slots: dict[int, set[int]] = {}
    for row in clean.site.rows("SELECT questionusageid, slot FROM mdl_question_attempts"):
        slots.setdefault(row[0], set()).add(row[1])
    for row in clean.site.rows("SELECT uniqueid, layout FROM mdl_quiz_attempts"):
        assert {int(part) for part in row["layout"].split(",")} - {0} == slots[row["uniqueid"]]


def test_steps_start_with_todo_count_up_and_carry_a_fraction_exactly_where_graded(clean: Made) -> None:
    sequences: dict[int, list[tuple[int, str]]] = {}
    for row in clean.site.rows("SELECT * FROM mdl_question_attempt_steps ORDER BY questionattemptid, id"):
        sequences.setdefault(row["questionattemptid"], []).append((row["sequencenumber"], row["state"]))
        is_graded = row["state"].startswith(("graded", "mangr"))
        assert is_graded == (row["fraction"] is not None)
        for word, (least, most) in GRADED.items():
            if is_graded and row["state"].endswith(word):
                assert least <= (exact(row["fraction"]) or 0) <= most
    for sequence in sequences.values():
        numbers = [number for number, _ in sequence]
        saved = [number for number in numbers if number >= 0]
        assert saved == list(range(len(saved)))
        assert sequence[0] == (0, "todo")
        assert [n for n in numbers if n < 0] in ([], [-len(saved)])


def test_quiz_sums_are_the_sums_of_their_slots(clean: Made) -> None:
    sql = """
        SELECT q.sumgrades, sum(s.maxmark) FROM mdl_quiz q LEFT JOIN mdl_quiz_slots s ON s.quizid = q.id GROUP BY q.id
    """
    assert all(row[0] == row[1] for row in clean.site.rows(sql))


def test_final_grades_follow_from_raw_ones_unless_a_teacher_or_a_lock_stepped_in(clean: Made) -> None:
    checked = 0
    for row in clean.site.rows(
        "SELECT g.rawgrade, g.finalgrade, g.overridden, g.locked AS rowlocked, i.* FROM mdl_grade_grades g"
        " JOIN mdl_grade_items i ON i.id = g.itemid WHERE i.itemtype = 'mod'"
    ):
        if row["overridden"] or row["rowlocked"]:
            continue
        raw, final = exact(row["rawgrade"]), exact(row["finalgrade"])
        if raw is None:
            assert final is None
            continue
        value = raw * Fraction(str(row["multfactor"])) + Fraction(str(row["plusfactor"]))
        held = min(max(value, Fraction(str(row["grademin"]))), Fraction(str(row["grademax"])))
        assert not differ(final, held)
        checked += 1
    assert checked > 1000


def test_course_totals_stay_within_their_own_maximum_which_is_not_always_the_items(clean: Made) -> None:
    rows = clean.site.rows(
        "SELECT g.finalgrade, g.rawgrademax, i.grademax FROM mdl_grade_grades g"
        " JOIN mdl_grade_items i ON i.id = g.itemid AND i.itemtype IN ('course', 'category')"
        " WHERE g.finalgrade IS NOT NULL"
    )
    assert all(0 <= row[0] <= row[1] <= row[2] for row in rows)
    assert {row[1] == row[2] for row in rows} == {True, False}


def test_the_last_line_of_each_grades_history_is_the_grade(clean: Made) -> None:
    last = {row["oldid"]: row for row in clean.site.rows("SELECT * FROM mdl_grade_grades_history ORDER BY id")}
    grades = {row["id"]: row for row in clean.site.rows("SELECT * FROM mdl_grade_grades")}
    columns = ["itemid", "userid", "rawgrade", "rawgrademax", "rawgrademin", "finalgrade", "overridden", "excluded"]
    columns += ["hidden", "locked"]
    for oldid, entry in last.items():
        assert (entry["action"] == 3) == (oldid not in grades)
        if oldid in grades:
            assert [entry[name] for name in columns] == [grades[oldid][name] for name in columns]
    assert set(grades) <= set(last)


def test_logs_and_histories_are_in_order_of_time_and_nothing_happened_after_now(clean: Made) -> None:
    site = clean.site
    for table, column in (
        ("logstore_standard_log", "timecreated"),
        ("grade_grades_history", "timemodified"),
        ("grade_items_history", "timemodified"),
        ("course_modules_completion", "timemodified"),
        ("course_modules_viewed", "timecreated"),
        ("quiz_attempts", "timestart"),
    ):
        moments = [row[0] for row in site.rows(f"SELECT {column} FROM mdl_{table} ORDER BY id")]
        assert moments == sorted(moments), table
        assert moments[-1] <= site.now, table
    for table in ("quiz_grades", "grade_grades", "user_enrolments", "question_attempts", "course", "enrol"):
        assert int(str(site.value(f"SELECT max(timemodified) FROM mdl_{table}"))) <= site.now, table


def test_every_attempt_left_its_events_and_every_event_an_attempt_or_its_deletion(clean: Made) -> None:
    events: dict[str, set[int]] = {}
    for row in clean.site.rows(
        "SELECT action, objectid FROM mdl_logstore_standard_log WHERE target = 'attempt' AND component = 'mod_quiz'"
    ):
        events.setdefault(row["action"], set()).add(row["objectid"])
    attempts = {row["id"]: row for row in clean.site.rows("SELECT * FROM mdl_quiz_attempts WHERE preview = 0")}
    assert events["started"] == set(attempts) | events["deleted"]
    finished = {number for number, row in attempts.items() if row["state"] == "finished"}
    assert events["submitted"] - events["deleted"] == finished
    assert events["abandoned"] == {number for number, row in attempts.items() if row["state"] == "abandoned"}
    assert not events["deleted"] & set(attempts)


def test_deleted_accounts_and_former_members_keep_attempts_and_nothing_that_moodle_removes(clean: Made) -> None:
    site = clean.site
    deleted = site.rows("SELECT * FROM mdl_user WHERE deleted = 1")
    assert len(deleted) == 2
    for user in deleted:
        assert "@" not in user["email"]
        assert user["idnumber"] == ""
        assert int(str(site.value("SELECT count(*) FROM mdl_quiz_attempts WHERE userid = ?", user["id"]))) > 0
        for table in ("user_enrolments", "role_assignments", "groups_members", "cohort_members", "grade_grades",
                      "user_lastaccess", "company_users"):  # fmt: skip
            assert site.value(f"SELECT count(*) FROM mdl_{table} WHERE userid = ?", user["id"]) == 0, table
    members = {
        tuple(row)
        for row in site.rows(
            "SELECT e.courseid, ue.userid FROM mdl_user_enrolments ue JOIN mdl_enrol e ON e.id = ue.enrolid"
        )
    }
    for sql in (
        "SELECT i.courseid, g.userid FROM mdl_grade_grades g JOIN mdl_grade_items i ON i.id = g.itemid",
        "SELECT g.courseid, m.userid FROM mdl_groups_members m JOIN mdl_groups g ON g.id = m.groupid",
        "SELECT courseid, userid FROM mdl_user_lastaccess",
    ):
        assert {tuple(row) for row in site.rows(sql)} <= members


def test_a_course_is_completed_exactly_when_its_criteria_are_met(clean: Made) -> None:
    site = clean.site
    criteria = site.rows("SELECT * FROM mdl_course_completion_criteria WHERE criteriatype = 4")
    states = {
        (row["coursemoduleid"], row["userid"]): row for row in site.rows("SELECT * FROM mdl_course_modules_completion")
    }
    outcomes = set()
    for row in site.rows("SELECT * FROM mdl_course_completions"):
        asked = [criterion["moduleinstance"] for criterion in criteria if criterion["course"] == row["course"]]
        if asked:
            met = [states.get((module, row["userid"])) for module in asked]
            is_met = all(state is not None and state["completionstate"] in (1, 2) for state in met)
            assert is_met == (row["timecompleted"] is not None)
            if is_met:
                assert row["timecompleted"] == max(state["timemodified"] for state in met if state is not None)
            outcomes.add(is_met)
    assert outcomes == {True, False}
