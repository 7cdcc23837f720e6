"""The plugin's manual checks of its xAPI channel, one to twelve, as what the marts and findings must say of each.

Each one arrives in two syncs, built by touched keys, and must leave the marts that one clean sync of its end leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.property.histories import Machine, Step
from tests.property.institution import USERS
from tests.property.plugin import OVERALL, Package
from tests.property.replay import Warehouse

ANNA, BEN, TEACHER = USERS[0], USERS[1], USERS[4]
Arrive = Callable[..., Warehouse]


@pytest.fixture
def arrive(machine: Machine) -> Arrive:
    def arrive(package: Package, *steps: Step) -> Warehouse:
        half = len(steps) // 2
        machine.live([package.found(), *steps[:half], "sync", *steps[half:]])
        return machine.one

    return arrive


def done(package: Package, page: str, scores: dict[str, float], *, user: int = ANNA) -> list[Step]:
    """A page load by xAPI: each part is answered, then the package says that it is complete and how well."""
    steps = [
        package.state("answered", scaled, part=part, page=page, user=user, statement=f"{page}-{part}")
        for part, scaled in scores.items()
    ]
    whole = sum(scores.values()) / len(scores)
    verdict = "passed" if whole >= 0.5 else "failed"
    return [
        *steps,
        package.state("completed", whole, page=page, user=user, statement=f"{page}-completed"),
        package.state(verdict, whole, page=page, user=user, statement=f"{page}-verdict"),
    ]


def attempts(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """Number, channel, state, outcome, score."""
    return warehouse.rows(
        "select attempt_number, channel, state, outcome, score_scaled::double from marts.fct_attempts order by all"
    )


def grades(warehouse: Warehouse) -> dict[int, tuple[Any, ...]]:
    """By item: what the gradebook got, what attempts give, as a fraction, and how the two compare."""
    rows = warehouse.rows(
        "select item_number, grade::double, computed_grade::double, grade_scaled::double, parity from marts.fct_grades"
    )
    return {number: tuple(values) for number, *values in rows}


def events(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """Attempt, event, where it is known from; the first occurrence and any other alike."""
    told = "select attempt_number, event, source_of_event from marts.fct_attempt_events"
    return warehouse.rows(f"{told} order by attempt_number, event desc")


def findings(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """Rule and attempt."""
    found = "select rule, attempt_number from marts.rpt_anomalies left join marts.fct_attempts using (attempt_key)"
    return warehouse.rows(f"{found} order by all")


def statements(warehouse: Warehouse) -> int:
    return int(warehouse.rows("select count(*) from landing.moodle_exelearning_tracking_events")[0][0])


LOGGED_ONCE = [(1, "started", "log"), (1, "completed", "log")]


def test_1_a_legacy_package_is_still_graded_by_scorm(arrive: Arrive) -> None:
    package = Package(emits=False)
    warehouse = arrive(
        package,
        package.commit({"one": 40}, page="a", user=ANNA, status="incomplete"),
        package.commit({"one": 60, "two": 100}, page="a", user=ANNA, status="passed"),
    )
    assert attempts(warehouse) == [(1, "scorm", "completed", "passed", 0.8)]
    assert grades(warehouse) == {
        0: (None, 80, 0.8, None), 1: (60, 60, 0.6, "match"), 2: (100, 100, 1, "match")
    }  # fmt: skip
    assert events(warehouse) == LOGGED_ONCE
    assert statements(warehouse) == 0
    assert findings(warehouse) == []


def test_1_the_app_saves_by_scorm_too_and_is_told_apart(arrive: Arrive) -> None:
    package = Package()
    warehouse = arrive(
        package,
        package.commit({"one": 60}, page="a", user=ANNA, status="completed", origin="ws"),
        package.commit({"one": 80}, page="a", user=ANNA, status="passed", origin="ws"),
    )
    assert attempts(warehouse) == [(1, "mobile", "completed", "passed", 0.8)]
    assert events(warehouse) == LOGGED_ONCE
    channels = "select channel, done_by, is_status_final from marts.fct_attempt_events where event = 'completed'"
    assert warehouse.rows(channels) == [("mobile", "learner", False)]
    assert findings(warehouse) == []


def test_2_each_part_of_an_xapi_package_is_graded_by_its_object(arrive: Arrive) -> None:
    package = Package()
    warehouse = arrive(
        package,
        package.state("initialized", page="a", user=ANNA, statement="first page"),
        *done(package, "a", {"three": 0.6, "one": 1}),
        # another page of the package, in the same load of the activity
        package.state("terminated", page="a", user=ANNA, statement="first page left"),
        package.state("initialized", page="a", user=ANNA, statement="second page"),
        package.state("answered", 0.5, part="two", page="a", user=ANNA, statement="second page's part"),
        package.state("passed", 0.7, page="a", user=ANNA, statement="second page's verdict"),
        package.state("answered", 1, part="of another activity", page="a", user=ANNA, statement="strange"),
    )
    assert package.answers[-1] == "unknownobjectid"
    assert attempts(warehouse) == [(1, "xapi", "completed", "passed", 0.7)]
    assert grades(warehouse) == {
        0: (None, 70, 0.7, None),
        1: (100, 100, 1, "match"), 2: (50, 50, 0.5, "match"), 3: (60, 60, 0.6, "match"),
    }  # fmt: skip
    assert warehouse.rows("select items_total, items_answered from marts.fct_attempts") == [(3, 3)]
    assert events(warehouse) == LOGGED_ONCE
    # what the event said is how it stood then
    told = (
        "select reported_score::double, reported_status, is_score_final, is_status_final from marts.fct_attempt_events"
    )
    assert warehouse.rows(f"{told} where event = 'completed'") == [(80, "completed", False, False)]
    assert findings(warehouse) == []


def test_3_graded_as_a_whole_the_whole_is_brought_within_the_range_and_parts_are_not_published(arrive: Arrive) -> None:
    package = Package(grade_model=OVERALL, max_grade=50, min_grade=20)
    warehouse = arrive(package, *done(package, "a", {"one": 0.1, "two": 0.3}))
    assert attempts(warehouse) == [(1, "xapi", "completed", "failed", 0.4)]
    assert warehouse.rows("select raw_score::double, max_score::double, is_score_clamped from marts.fct_attempts") == [
        (20, 50, True)
    ]
    assert grades(warehouse) == {
        0: (20, 20, 0.4, "match"), 1: (None, 5, 0.1, None), 2: (None, 15, 0.3, None)
    }  # fmt: skip
    assert findings(warehouse) == []


def test_4_a_tab_that_is_closed_before_the_verdict_leaves_parts_and_a_finding(arrive: Arrive) -> None:
    package = Package()
    warehouse = arrive(
        package,
        *done(package, "a", {"one": 0.6}),
        package.state("answered", 0.9, part="one", page="b", user=ANNA, statement="b"),
    )
    assert attempts(warehouse) == [(1, "xapi", "completed", "passed", 0.6), (2, "xapi", "in_progress", None, None)]
    assert grades(warehouse) == {0: (None, 60, 0.6, None), 1: (90, 90, 0.9, "match")}
    assert events(warehouse) == [*LOGGED_ONCE, (2, "started", "log")]
    assert findings(warehouse) == [("lost_terminal", 2)]


def test_4_a_package_that_never_gives_a_verdict_loses_none(arrive: Arrive) -> None:
    package = Package()
    steps = [
        package.state("answered", 0.9, part="one", page=page, user=ANNA, statement=page) for page in ("a", "b", "c")
    ]
    warehouse = arrive(package, *steps)
    assert attempts(warehouse) == [(number, "xapi", "in_progress", None, None) for number in (1, 2, 3)]
    assert findings(warehouse) == []


def test_5_a_request_that_failed_and_is_sent_again_counts_once_and_loses_nothing(arrive: Arrive) -> None:
    package = Package()
    answered = {"part": "one", "page": "a", "user": ANNA, "statement": "an answer"}
    verdict = {"page": "a", "user": ANNA, "statement": "a verdict"}
    warehouse = arrive(
        package,
        # the first request died when the score was written, of the second only the reply was lost
        package.state("answered", 0.6, dies=True, **answered),
        package.state("answered", 0.6, **answered),
        package.state("passed", 0.6, **verdict),
        package.state("passed", 0.6, **verdict),
    )
    assert package.answers == ["graded", "graded", "graded", "duplicate"]
    assert attempts(warehouse) == [(1, "xapi", "completed", "passed", 0.6)]
    assert grades(warehouse) == {0: (None, 60, 0.6, None), 1: (60, 60, 0.6, "match")}
    assert events(warehouse) == LOGGED_ONCE
    assert statements(warehouse) == 2
    assert findings(warehouse) == []


def test_6_an_attempt_beyond_the_cap_is_refused_and_leaves_nothing(arrive: Arrive) -> None:
    package = Package(max_attempts=1)
    warehouse = arrive(package, *done(package, "a", {"one": 0.6}), *done(package, "b", {"one": 1}))
    assert package.answers == ["graded"] * 3 + ["maxattemptsreached"] * 3
    assert attempts(warehouse) == [(1, "xapi", "completed", "passed", 0.6)]
    assert events(warehouse) == LOGGED_ONCE
    assert statements(warehouse) == 3
    assert findings(warehouse) == []


def test_6_an_attempt_that_came_before_the_cap_was_lowered_is_over_it(arrive: Arrive) -> None:
    package = Package(max_attempts=2)
    warehouse = arrive(
        package,
        *done(package, "a", {"one": 0.6}),
        *done(package, "b", {"one": 1}),
        *done(package, "c", {"one": 1}, user=BEN),
        package.set(maxattempt=1),
    )
    assert len(attempts(warehouse)) == 3
    assert findings(warehouse) == [("over_cap", 2)]


def test_7_a_teachers_preview_leaves_no_trace(arrive: Arrive) -> None:
    package = Package()
    warehouse = arrive(
        package,
        package.state("answered", 1, part="one", page="a", user=TEACHER, statement="a", previews=True),
        package.state("passed", 1, page="a", user=TEACHER, statement="b", previews=True),
        package.commit({"one": 100}, page="a", user=TEACHER, previews=True),
        # the same statement by a learner is the first one
        package.state("passed", 0.6, page="b", user=ANNA, statement="b"),
    )
    assert package.answers == ["preview"] * 3 + ["graded"]
    assert attempts(warehouse) == [(1, "xapi", "completed", "passed", 0.6)]
    assert grades(warehouse) == {0: (None, 60, 0.6, None)}
    assert events(warehouse) == LOGGED_ONCE
    assert findings(warehouse) == []


def test_8_without_grading_statements_are_kept_and_make_no_attempt(arrive: Arrive) -> None:
    package = Package(is_graded=False)
    warehouse = arrive(package, *done(package, "a", {"one": 0.6}))
    assert package.answers == ["noop"] * 3
    assert statements(warehouse) == 3
    assert (attempts(warehouse), grades(warehouse), events(warehouse), findings(warehouse)) == ([], {}, [], [])


def test_9_with_the_switch_off_the_next_attempt_comes_by_scorm_and_both_stand_side_by_side(arrive: Arrive) -> None:
    package = Package()
    warehouse = arrive(
        package,
        *done(package, "a", {"one": 0.6}),
        package.switch(False),
        package.state("passed", 1, page="a", user=ANNA, statement="too late"),
        package.commit({"one": 60}, page="b", user=ANNA, status="passed"),
        package.commit({"one": 100}, page="c", user=BEN, status="passed"),
        package.switch(True),
        *done(package, "d", {"one": 0.4}),
    )
    assert "disabled" in package.answers
    assert attempts(warehouse) == [
        (1, "scorm", "completed", "passed", 1),
        (1, "xapi", "completed", "passed", 0.6),
        (2, "scorm", "completed", "passed", 0.6),
        (3, "xapi", "completed", "failed", 0.4),
    ]
    compared = """
        select item_number, attempts_by_scorm, attempts_by_xapi, mean_by_scorm::double, mean_by_xapi::double,
            learners_in_both, learners_equal, attempts_told_twice, attempts_told_alike
        from marts.rpt_channel_comparison order by item_number
    """
    assert warehouse.rows(compared) == [(item, 2, 2, 0.8, 0.5, 1, 1, 2, 2) for item in (0, 1)]
    assert findings(warehouse) == []


def test_9_a_page_load_that_is_graded_both_ways_is_found(arrive: Arrive) -> None:
    package = Package()
    warehouse = arrive(
        package,
        *done(package, "a", {"one": 0.6}),
        package.switch(False),
        package.commit({"one": 100}, page="a", user=ANNA, status="passed"),
    )
    assert attempts(warehouse) == [(1, "xapi", "completed", "passed", 1)]
    assert findings(warehouse) == [("double_channel", 1)]


def test_10_a_statement_that_is_delivered_again_leaves_one_row_and_one_event_of_each_kind(arrive: Arrive) -> None:
    package = Package()
    once = done(package, "a", {"one": 0.6, "two": 1})
    warehouse = arrive(package, *once, *once, *reversed(once))
    assert package.answers == ["graded"] * 4 + ["duplicate"] * 8
    assert attempts(warehouse) == [(1, "xapi", "completed", "passed", 0.8)]
    assert grades(warehouse) == {
        0: (None, 80, 0.8, None), 1: (60, 60, 0.6, "match"), 2: (100, 100, 1, "match")
    }  # fmt: skip
    assert events(warehouse) == LOGGED_ONCE
    assert statements(warehouse) == 4
    assert findings(warehouse) == []


def test_11_a_long_or_odd_token_still_joins_statements_and_attempt(arrive: Arrive) -> None:
    package = Package()
    tokens = ("r" * 40, "s" * 60, "0", "-_-", "Page 1/é'\"; drop")
    warehouse = arrive(package, *(step for token in tokens for step in done(package, token, {"one": 0.6})))
    assert attempts(warehouse) == [(number, "xapi", "completed", "passed", 0.6) for number in range(1, 6)]
    assert findings(warehouse) == []


def test_11_tokens_that_differ_in_case_or_are_of_two_accounts_are_two_page_loads(arrive: Arrive) -> None:
    package = Package()
    warehouse = arrive(
        package,
        *done(package, "Token", {"one": 0.6}),
        package.commit({"one": 70}, page="token", user=ANNA),
        package.commit({"one": 80}, page="Token", user=BEN),
    )
    assert attempts(warehouse) == [
        (1, "scorm", "completed", None, 0.8),
        (1, "xapi", "completed", "passed", 0.6),
        (2, "scorm", "completed", None, 0.7),
    ]
    assert findings(warehouse) == []


def test_12_of_statements_that_never_arrive_nothing_is_invented(arrive: Arrive) -> None:
    warehouse = arrive(Package())
    assert (attempts(warehouse), grades(warehouse), events(warehouse), findings(warehouse)) == ([], {}, [], [])
    assert statements(warehouse) == 0
    assert warehouse.rows("select * from marts.rpt_channel_comparison") == []
    there = "select name from marts.dim_activities where activity_key = 'campus:exelearning:7'"
    assert warehouse.rows(there) == [("A package",)]
