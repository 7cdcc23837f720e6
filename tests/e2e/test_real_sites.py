"""Databases that Moodle itself wrote, from the command line to a release that outside judges hold against the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import AS_OF, Installation
from tests.e2e.ingest_calls import LEAVE_NO_TRACE, LEAVE_TRACES, Site, kind, read_site
from tests.servers import Server

pytestmark = pytest.mark.slow

KINDS = ("grades", "gradebook", "course", "completion", "attempts", "exelearning", "scorm")


@pytest.mark.parametrize("site", ["dev", "iomad"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_release_equals_moodles_own_answers_both_ways(
    request: pytest.FixtureRequest, judge: Callable[..., str], shared: Path, site: str, kind: str
) -> None:
    installation = request.getfixturevalue(site)
    verdict = judge("compare.py", kind, installation.folder, shared / "data/moodle" / site / "truth")
    assert " 0 differ (0 missing, 0 extra), 0 doubled keys" in verdict


@pytest.mark.parametrize("site", ["dev", "iomad"])
def test_no_difference_of_grades_is_unexplained(request: pytest.FixtureRequest, site: str) -> None:
    installation = request.getfixturevalue(site)
    unexplained = (
        "(parity <> 'match' and parity_reason is null) or (gradebook_parity <> 'match' and gradebook_reason is null)"
    )
    assert installation.rows(f"select count(*) from marts.fct_grades where {unexplained}") == [(0,)]
    told = installation.rows(
        "select count(*) from marts.rpt_anomalies where rule in ('grade_mismatch', 'duplicate_grade')"
    )
    assert told == [(0,)]


# What learners and packages really did there, breaches of the source: told with their evidence, never blocking.
ANOMALIES = {
    "dev": {"contradictory_verdict": 15, "lost_terminal": 3, "repeated_event": 4, "terminal_regressed": 1},
    "iomad": {"contradictory_verdict": 8, "terminal_regressed": 3},
}


@pytest.mark.parametrize("site", ["dev", "iomad"])
def test_breaches_of_the_source_are_findings_with_evidence_and_the_release_is_published(
    request: pytest.FixtureRequest, site: str
) -> None:
    installation = request.getfixturevalue(site)
    assert dict(installation.rows("select rule, count(*) from marts.rpt_anomalies group by rule")) == ANOMALIES[site]
    without = "select count(*) from marts.rpt_anomalies where evidence is null or attempt_key is null"
    assert installation.rows(without) == [(0,)]


@pytest.mark.parametrize("site", ["dev", "iomad"])
def test_each_life_of_an_attempt_starts_once_and_completes_once(request: pytest.FixtureRequest, site: str) -> None:
    installation = request.getfixturevalue(site)
    counted = """
        select attempt_key, generation, count(*) filter (where event = 'started') as started,
            count(*) filter (where event = 'completed') as completed
        from marts.fct_attempt_events where occurrence = 1 group by all
    """
    assert installation.rows(f"select count(*) from ({counted}) where started <> 1 or completed > 1") == [(0,)]
    completed = f"""
        select count(*) from marts.fct_attempts as a left join ({counted}) as e using (attempt_key)
        where not a.is_preview and a.state = 'completed' and coalesce(e.completed, 0) <> 1
    """
    assert installation.rows(completed) == [(0,)]
    again = installation.rows("select attempt_key from marts.fct_attempt_events where is_repeated order by 1")
    told = installation.rows("select attempt_key from marts.rpt_anomalies where rule = 'repeated_event' order by 1")
    assert again == told


def differences(installation: Installation, keys: str, truth: str, ours: str) -> tuple[int, int, int, int, int]:
    """Rows of the truth, then rows missing, extra, different and doubled, of a full join on the keys.

    Both queries give the keys, grade and percent; ours may read people.restricted. NULL equals NULL only.
    """
    restricted = installation.folder / "data/restricted" / installation.current.name / "restricted.duckdb"

    def differs(name: str) -> str:
        near = f"abs(ours_{name} - true_{name}) <= 1e-5 * greatest(1, abs(true_{name}))"
        return f"not coalesce({near}, ours_{name} is null and true_{name} is null)"

    with installation.release() as con:
        con.execute(f"attach '{restricted}' as people (read_only)")
        found = con.execute(
            f"""
            with truth as (select {keys}, grade::double as true_grade, percent::double as true_percent, 1 as expected
                from ({truth})),
            ours as (select {keys}, grade::double as ours_grade, percent::double as ours_percent, 1 as found
                from ({ours})),
            joined as (select * from truth full join ours using ({keys}))
            select count(expected), count(*) filter (where found is null), count(*) filter (where expected is null),
                count(*) filter (where found = expected and ({differs("grade")} or {differs("percent")})),
                count(*) - count(distinct ({keys}))
            from joined
            """
        ).fetchone()
    assert found is not None
    return found


def csv(shared: Path, site: str, name: str) -> str:
    return f"read_csv('{shared / 'data/moodle' / site / 'truth' / name}.csv', all_varchar = true, nullstr = '')"


def test_the_comparison_sees_every_kind_of_difference(dev: Installation) -> None:
    rows = "values ('a', 1, 50, 50.0), ('b', 1, null, null), ('c', 1, 200, 100.0)"
    truth = f"from ({rows}) as t(item, user_id, grade, percent)"
    for ours, expected in (
        (truth, (3, 0, 0, 0, 0)),
        (f"{truth} where item <> 'b'", (3, 1, 0, 0, 0)),
        (f"{truth} union all select 'd', 1, null, null", (3, 0, 1, 0, 0)),
        (f"select * replace (percent + 0.002 as percent) {truth}", (3, 0, 0, 2, 0)),
        (f"select * replace (coalesce(grade, 0) as grade) {truth}", (3, 0, 0, 1, 0)),
        (f"select * replace (nullif(grade, 50) as grade) {truth}", (3, 0, 0, 1, 0)),
        (f"{truth} union all select 'b', 1, null, null", (4, 0, 0, 0, 1)),
    ):
        assert differences(dev, "item, user_id", truth, ours) == expected, ours


@pytest.mark.parametrize("site", ["dev", "iomad"])
def test_gradebook_grades_and_percentages_equal_moodles(
    request: pytest.FixtureRequest, shared: Path, site: str
) -> None:
    compared, *different = differences(
        request.getfixturevalue(site),
        "grade_item_key, user_id",
        f"""select 'campus:' || itemid as grade_item_key, userid as user_id, finalgrade as grade, percentage as percent
            from {csv(shared, site, "gradebook_user_grades")}""",
        """select g.grade_item_key, i.user_id, g.grade, g.grade_percent as percent
            from marts.fct_gradebook_grades as g left join people.restricted.identities as i on g.user_key = i.user_key
        """,
    )
    assert compared > 500
    assert different == [0, 0, 0, 0]


@pytest.mark.parametrize("site", ["dev", "iomad"])
def test_course_grades_and_percentages_equal_moodles(request: pytest.FixtureRequest, shared: Path, site: str) -> None:
    """The truth lists every account of a course; the mart those whose course total Moodle keeps a gradebook row of."""
    installation, progress = request.getfixturevalue(site), csv(shared, site, "course_user_progress")
    has_total = f"""(courseid, userid) in (
        select (courseid, userid) from {csv(shared, site, "gradebook_user_grades")} where itemtype = 'course')"""
    compared, *different = differences(
        installation,
        "course_key, user_id",
        f"""select 'campus:' || courseid as course_key, userid as user_id, course_grade as grade,
                course_grade_percentage as percent
            from {progress} where {has_total}""",
        """select g.course_key, i.user_id, g.grade, g.grade_percent as percent
            from marts.fct_course_grades as g left join people.restricted.identities as i on g.user_key = i.user_key
        """,
    )
    assert compared > 50
    assert different == [0, 0, 0, 0]
    graded_without_total = f"""select count(*) from {progress}
        where not {has_total} and (course_grade is not null or course_grade_percentage is not null)"""
    assert installation.rows(graded_without_total) == [(0,)]


@pytest.mark.parametrize("site", ["dev", "iomad"])
def test_mariadb_gives_identical_marts(
    request: pytest.FixtureRequest,
    mariadb: Server,
    load_site: Any,
    make_installation: Callable[[str], Installation],
    judge: Callable[..., str],
    site: str,
) -> None:
    one: Installation = request.getfixturevalue(site)
    load_site(mariadb, site, "mariadb")
    other = make_installation(f"{site}_mariadb")
    other.configure(mariadb.url(f"e2e_{site}"), '[privacy]\npseudonym_key = "env:ROLLBOOK_PSEUDONYM_KEY"\n')
    other.environment["ROLLBOOK_PSEUDONYM_KEY"] = (one.folder / "data/secrets/pseudonym.key").read_text().strip()
    other.run("run", "--as-of", AS_OF[site])
    assert judge("same_marts.py", one.folder, other.folder).endswith(", 0 marts differ")


def test_a_second_run_without_news_releases_nothing_and_still_tells_its_status(dev: Installation) -> None:
    before, status = dev.current, (dev.folder / "data/published/status.json").read_text()
    dev.run("run", "--as-of", AS_OF["dev"])
    assert dev.current == before
    assert (dev.folder / "data/published/status.json").read_text() != status


def test_marts_name_nobody(dev: Installation) -> None:
    restricted = dev.folder / "data/restricted" / dev.current.name / "restricted.duckdb"
    with dev.release() as con:
        con.execute(f"attach '{restricted}' as people (read_only)")
        names = {
            value
            for row in con.execute(
                "select username, email from people.restricted.identities where not is_deleted"
            ).fetchall()
            for value in row
            if value and len(value) > 4
        }
        con.execute("detach people")
        columns = con.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'marts' and data_type = 'VARCHAR'"
        ).fetchall()
        assert len(names) > 100
        for table, column in columns:
            seen = {row[0] for row in con.execute(f'select distinct "{column}" from marts."{table}"').fetchall()}
            assert not names & seen, f"{table}.{column}"
            assert column not in ("user_id", "userid", "username", "email", "first_name", "last_name")


@pytest.fixture(scope="module")
def sites(dev: Installation, iomad: Installation, shared: Path) -> dict[str, Site]:
    return {"dev": read_site(dev, "dev", shared), "iomad": read_site(iomad, "iomad", shared)}


@pytest.mark.parametrize("name", ["dev", "iomad"])
def test_every_call_is_answered_by_the_rules_and_explains_what_is_held(sites: dict[str, Site], name: str) -> None:
    site, differences = sites[name], dict[tuple[Any, ...], Any]()
    for learner in site.calls.keys() | site.held.keys():
        answers, holds = site.replay(learner)
        there = {("answer", call["line"]): call["result"] for call in site.calls[learner]} | site.held[learner]
        both = {key: ((answers | holds).get(key), there.get(key)) for key in answers | holds | there}
        differences |= {(learner, *key): both[key] for key in both if both[key][0] != both[key][1]}
    assert not differences


def test_these_kinds_of_calls_leave_no_trace_and_no_others(sites: dict[str, Site]) -> None:
    """A call leaves a trace where what is held cannot be explained without it (or a copy in its place)."""
    kinds: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for site in sites.values():
        for learner, calls in site.calls.items():
            copies = [call for call in calls if "duplicate" in call["result"]]
            for call in calls:
                same = [copy["line"] for copy in copies if copy["input"]["id"] == call["input"].get("id")]
                leaves_trace = site.replay(learner, {call["line"], *same})[1] != site.held[learner]
                kinds[leaves_trace][kind(call, calls, leaves_trace)] += 1
    assert kinds == {True: LEAVE_TRACES, False: LEAVE_NO_TRACE}
