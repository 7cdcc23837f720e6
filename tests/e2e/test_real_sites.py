"""Databases that Moodle itself wrote, from the command line to a release that outside judges hold against the truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import AS_OF, Installation
from tests.servers import Server

pytestmark = pytest.mark.slow

KINDS = ("grades", "gradebook", "course", "completion", "attempts")


@pytest.fixture(scope="module")
def dev(postgresql: Server, load_site: Any, make_installation: Callable[[str], Installation]) -> Installation:
    load_site(postgresql, "dev", "pg")
    installation = make_installation("dev_pg")
    installation.configure(postgresql.url("e2e_dev"))
    installation.run("run", "--as-of", AS_OF["dev"])
    return installation


@pytest.fixture(scope="module")
def iomad(postgresql: Server, load_site: Any, make_installation: Callable[[str], Installation]) -> Installation:
    load_site(postgresql, "iomad", "pg")
    installation = make_installation("iomad_pg")
    installation.configure(postgresql.url("e2e_iomad"))
    installation.run("run", "--as-of", AS_OF["iomad"])
    return installation


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
    assert installation.rows("select count(*) from marts.rpt_anomalies") == [(0,)]


@pytest.mark.parametrize("site", ["dev", "iomad"])
def test_gradebook_percentages_equal_moodles(request: pytest.FixtureRequest, shared: Path, site: str) -> None:
    installation = request.getfixturevalue(site)
    restricted = installation.folder / "data/restricted" / installation.current.name / "restricted.duckdb"
    truth = shared / "data/moodle" / site / "truth/gradebook_user_grades.csv"
    with installation.release() as con:
        con.execute(f"attach '{restricted}' as people (read_only)")
        compared, different = con.execute(
            f"""
            with truth as (
                select 'campus:' || itemid as grade_item_key, userid as user_id,
                    finalgrade::double as grade, percentage::double as percent
                from read_csv('{truth}', all_varchar = true, nullstr = '')
            ),
            ours as (
                select g.grade_item_key, i.user_id, g.grade::double as grade, g.grade_percent::double as percent
                from marts.fct_gradebook_grades as g
                inner join people.restricted.identities as i on g.user_key = i.user_key
            )
            select count(*), count(*) filter (where
                coalesce(abs(truth.grade - ours.grade) > 1e-5, (truth.grade is null) <> (ours.grade is null))
                or coalesce(abs(truth.percent - ours.percent) > 1e-3, false))
            from truth left join ours using (grade_item_key, user_id)
            """
        ).fetchone()
    assert compared > 500
    assert different == 0


def test_mariadb_gives_identical_marts(
    dev: Installation, mariadb: Server, load_site: Any, make_installation: Any, judge: Callable[..., str]
) -> None:
    load_site(mariadb, "dev", "mariadb")
    other = make_installation("dev_mariadb")
    other.configure(mariadb.url("e2e_dev"))
    other.environment["ROLLBOOK_PSEUDONYM_KEY"] = (dev.folder / "data/secrets/pseudonym.key").read_text().strip()
    (other.folder / "rollbook.toml").write_text(
        (other.folder / "rollbook.toml").read_text() + '[privacy]\npseudonym_key = "env:ROLLBOOK_PSEUDONYM_KEY"\n'
    )
    other.run("run", "--as-of", AS_OF["dev"])
    assert judge("same_marts.py", dev.folder, other.folder).endswith(", 0 marts differ")


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
