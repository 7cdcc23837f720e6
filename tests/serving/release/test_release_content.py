"""What a release holds, and what it does when content, structure or order of the marts change."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from serving.errors import ServingError
from serving.release import Releases
from tests.serving.release.candidates import START, Workshop, changes, read, tree


def test_a_release_holds_every_mart_as_table_and_as_parquet_even_an_empty_one(workshop: Workshop) -> None:
    published = workshop.released(1)
    assert published.release_id == 1
    assert workshop.data.joinpath("published/current").readlink() == Path("releases/00000001")
    for mart, rows in {"fct_grades": 20, "dim_users": 7, "dim_courses": 0}.items():
        parquet = published.path / "parquet" / f"{mart}.parquet"
        assert workshop.rows(f"select count(*) from r.marts.{mart}") == [(rows,)]
        assert duckdb.execute(f"select count(*) from '{parquet}'").fetchone() == (rows,)
        facts = published.manifest["marts"][mart]
        assert facts["rows"] == rows
        assert facts["files"] == {
            f"parquet/{mart}.parquet": {
                "sha256": hashlib.sha256(parquet.read_bytes()).hexdigest(),
                "bytes": parquet.stat().st_size,
            }
        }


def test_the_manifest_tells_what_the_release_was_made_from(workshop: Workshop) -> None:
    manifest = json.loads((workshop.released(1).path / "manifest.json").read_text())
    assert manifest["release_id"] == 1
    assert manifest["previous_id"] is None
    assert manifest["oldest_base"] == 0
    assert manifest["released_at"] == "2026-03-02T08:00:00+00:00"
    assert manifest["as_of"] == {"campus": "2026-03-02T07:00:00+00:00"}
    assert manifest["cursors"] == {"campus": {"quiz_attempts": 17}}
    assert manifest["versions"] == {"contracts": "1"}
    assert manifest["checks"] == [{"check": "keys_are_unique", "passed": True}]
    assert manifest["marts"]["fct_grades"]["columns"]["grade"] == "DECIMAL(12,5)"
    assert manifest["marts"]["fct_grades"]["columns"]["changed_release"] == "BIGINT"
    assert manifest["marts"]["fct_grades"]["changed"] == {"inserted": 20, "updated": 0, "deleted": 0}


def test_monitoring_names_this_release_and_all_before_it_also_those_that_retention_removed(workshop: Workshop) -> None:
    for day in (1, 2, 3):
        workshop.sql(f"update marts.dim_users set source = 'campus{day}' where user_key = 'u1'")
        workshop.released(day, keep_last=1, keep_hours=0, reason=f"run {day}")
    moment = START + timedelta(days=3)
    assert workshop.rows("from r.monitoring.current_release select release_id, released_at, as_of, reason") == [
        (3, moment, moment - timedelta(hours=1), "run 3")
    ]
    assert workshop.releases.ids() == [3]
    assert workshop.rows("select release_id, previous_id, rows_inserted, rows_updated from r.monitoring.releases") == [
        (1, None, 27, 0),
        (2, 1, 0, 1),
        (3, 2, 0, 1),
    ]
    assert workshop.rows("from r.monitoring.alerts") == [("late", None)]


def test_nothing_is_released_when_no_content_differs(workshop: Workshop) -> None:
    workshop.released(1)
    before = tree(workshop.data)
    workshop.sql(
        """create table marts.shuffled as select * from marts.fct_grades order by hash(grade_key || 'x');
        drop table marts.fct_grades; alter table marts.shuffled rename to fct_grades"""
    )
    assert workshop.publish(2) is None
    assert tree(workshop.data) == before


def test_a_changed_row_gets_new_stamps_and_all_others_keep_theirs(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.sql(
        """update marts.fct_grades set grade = 99 where grade_key = 'campus:3';
        delete from marts.fct_grades where grade_key = 'campus:4';
        insert into marts.fct_grades by name select 'campus:new' as grade_key"""
    )
    published = workshop.released(2)
    assert changes(published.path / "changes.parquet") == [
        ("fct_grades", "campus:3", "update", 2),
        ("fct_grades", "campus:4", "delete", 2),
        ("fct_grades", "campus:new", "insert", 2),
    ]
    assert published.manifest["marts"]["fct_grades"]["changed"] == {"inserted": 1, "updated": 1, "deleted": 1}
    stamped = "select grade_key, changed_at from r.marts.fct_grades where changed_release = 2 order by all"
    moment = START + timedelta(days=2)
    assert workshop.rows(stamped) == [("campus:3", moment), ("campus:new", moment)]
    for mart, rows in {"fct_grades": 18, "dim_users": 7}.items():
        kept = f"select count(*), max(changed_at) from r.marts.{mart} where changed_release = 1"
        assert workshop.rows(kept) == [(rows, START + timedelta(days=1))]


SAME_OR_CHANGED = [
    ("1::double", "1 + 1e-12::double", False),
    ("1::double", "1 + 1e-6::double", True),
    ("1e300::double", "1e300::double * (1 + 1e-12)", False),
    ("1e300::double", "-1e300::double", True),
    ("0::double", "1e-17::double", False),
    ("1e-6::double", "2e-6::double", True),
    ("'nan'::double", "'nan'::double", False),
    ("'nan'::double", "1::double", True),
    ("'inf'::double", "'inf'::double", False),
    ("'inf'::double", "1::double", True),
    ("'inf'::double", "'-inf'::double", True),
    ("null::double", "null::double", False),
    ("null::double", "0::double", True),
    ("null::varchar", "''", True),
    ("1.00001::decimal(12,5)", "1.00002::decimal(12,5)", True),
    ("[1, 2]", "[1, 2]", False),
    ("{'a': 1}", "{'a': 2}", True),
]


def test_which_difference_counts_as_a_change(workshop: Workshop) -> None:
    marts = {f"rpt_{number}": case for number, case in enumerate(SAME_OR_CHANGED)}
    workshop.keys |= dict.fromkeys(marts, "k")
    for mart, (before, _, _) in marts.items():
        workshop.sql(f"create table marts.{mart} as select 'one' as k, {before} as x")
    workshop.released(1)
    for mart, (_, after, _) in marts.items():
        workshop.sql(f"create or replace table marts.{mart} as select 'one' as k, {after} as x")
    found = workshop.released(2).manifest["marts"]
    assert {mart: found[mart]["changed"]["updated"] for mart in marts} == {
        mart: int(is_change) for mart, (_, _, is_change) in marts.items()
    }


def test_small_drifts_of_a_double_add_up_to_a_change(workshop: Workshop) -> None:
    workshop.keys["rpt"] = "k"
    workshop.sql("create table marts.rpt as select 'one' as k, 1::double as x")
    workshop.released(1)
    released = 0
    for step in range(1, 6):
        workshop.sql(f"update marts.rpt set x = 1 + {step} * 4e-10")
        released += workshop.publish(1 + step) is not None
    assert released == 1
    assert workshop.rows("select x from r.marts.rpt") == [(1 + 3 * 4e-10,)]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("alter table marts.dim_users add column country varchar", {"update"}),
        ("alter table marts.dim_users drop column source", {"update"}),
        ("alter table marts.dim_users rename column source to site", {"update"}),
        ("alter table marts.fct_grades alter column grade type decimal(18, 5)", {"update"}),
        ("alter table marts.fct_grades alter column grade_scaled type varchar", {"update"}),
        ("drop table marts.dim_users", {"delete"}),
        ("create table marts.fct_new as select 1 as new_key", {"insert"}),
        (
            "create or replace table marts.dim_users as select 7 + i as user_key, 'x' as source from range(3) r(i)",
            {"insert", "delete"},
        ),
    ],
)
def test_marts_may_come_go_and_change_their_columns(workshop: Workshop, statement: str, expected: set[str]) -> None:
    workshop.keys["fct_new"] = "new_key"
    workshop.released(1)
    workshop.sql(statement)
    published = workshop.released(2)
    found = changes(published.path / "changes.parquet")
    assert {op for _, _, op, _ in found} == expected
    assert {release for _, _, _, release in found} == {2}
    ops = {(mart, op) for mart, _, op, _ in found}
    marts = published.manifest["marts"] | {
        name: {"changed": counts} for name, counts in published.manifest["dropped_marts"].items()
    }
    past = {"inserted": "insert", "updated": "update", "deleted": "delete"}
    assert {(m, past[w]) for m, facts in marts.items() for w, n in facts["changed"].items() if n} == ops


def test_an_empty_mart_that_gains_a_column_is_a_new_release_without_changed_rows(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.sql("alter table marts.dim_courses add column short_name varchar")
    published = workshop.released(2)
    assert changes(published.path / "changes.parquet") == []
    assert "short_name" in published.manifest["marts"]["dim_courses"]["columns"]


def test_columns_in_another_order_are_released_but_no_row_counts_as_changed(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.sql("create or replace table marts.dim_users as select source, user_key from marts.dim_users")
    published = workshop.released(2)
    assert changes(published.path / "changes.parquet") == []
    assert workshop.rows("select min(changed_release), max(changed_release) from r.marts.dim_users") == [(1, 1)]
    parquet = published.path / "parquet" / "dim_users.parquet"
    described = duckdb.execute(f"describe from '{parquet}'").fetchall()
    assert [row[0] for row in described] == ["source", "user_key", "changed_release", "changed_at"]


def test_a_changed_primary_key_replaces_the_rows(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.sql("create or replace table marts.dim_users as select 'x' || user_key as other, * from marts.dim_users")
    workshop.keys["dim_users"] = "other"
    found = changes(workshop.released(2).path / "changes.parquet")
    assert sorted({op for _, _, op, _ in found}) == ["delete", "insert"]
    assert len(found) == 14


def test_the_parquet_file_of_an_unchanged_mart_is_the_same_file(workshop: Workshop) -> None:
    first = workshop.released(1)
    workshop.sql("update marts.dim_users set source = 'other'")
    second = workshop.released(2)
    for mart, is_shared in {"fct_grades": True, "dim_courses": True, "dim_users": False}.items():
        one, two = (release.path / "parquet" / f"{mart}.parquet" for release in (first, second))
        assert one.samefile(two) == is_shared
    assert second.manifest["marts"]["fct_grades"]["files"] == first.manifest["marts"]["fct_grades"]["files"]


def test_the_same_content_in_any_order_gives_the_same_parquet_bytes(tmp_path: Path) -> None:
    content = []
    for name, direction in {"a": "asc", "b": "desc"}.items():
        (tmp_path / name).mkdir()
        shop = Workshop(tmp_path / name).begin(3000)
        shop.sql(
            f"""create table marts.again as select * from marts.fct_grades order by grade_key {direction};
            drop table marts.fct_grades; alter table marts.again rename to fct_grades"""
        )
        content.append(tree(shop.released(1).path / "parquet"))
    assert content[0] == content[1]


def test_publishing_only_reads_the_candidate(workshop: Workshop) -> None:
    before = workshop.candidate.read_bytes()
    workshop.candidate.chmod(0o444)
    workshop.released(1)
    assert workshop.candidate.read_bytes() == before
    assert [path.name for path in workshop.root.glob("warehouse*")] == ["warehouse.duckdb"]


def test_a_mart_may_be_a_view_on_other_schemas_of_the_warehouse(workshop: Workshop) -> None:
    workshop.sql(
        """create schema intermediate; create table intermediate.users as from marts.dim_users;
        drop table marts.dim_users; create view marts.dim_users as from warehouse.intermediate.users"""
    )
    workshop.released(1)
    assert workshop.rows("select count(*) from r.marts.dim_users") == [(7,)]


def test_descriptions_of_marts_and_columns_reach_the_release(workshop: Workshop) -> None:
    workshop.sql(
        """comment on table marts.fct_grades is 'one row per user''s grade';
        comment on column marts.fct_grades.grade is 'in the activity''s own unit'"""
    )
    path = workshop.released(1).path / "rollbook.duckdb"
    assert read(path, "select comment from duckdb_tables() where comment is not null") == [
        ("one row per user's grade",)
    ]
    assert read(path, "select comment from duckdb_columns() where comment is not null") == [
        ("in the activity's own unit",)
    ]


def test_a_changed_name_of_a_person_alone_is_released_but_changes_no_mart(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.sql("update restricted.identities set first_name = 'Grace' where user_key = 'u1'")
    published = workshop.released(2)
    assert changes(published.path / "changes.parquet") == []
    names = "select first_name from r.restricted.identities where user_key = 'u1'"
    assert read(workshop.data / "restricted/00000002/restricted.duckdb", names) == [("Grace",)]
    assert read(workshop.data / "restricted/00000001/restricted.duckdb", names) == [("Ada 1",)]


def test_nothing_published_names_a_person(workshop: Workshop) -> None:
    workshop.released(1)
    assert not [name for name, content in tree(workshop.data / "published").items() if b"Ada" in content]
    assert b"Ada" in (workshop.data / "restricted/00000001/restricted.duckdb").read_bytes()


def test_changes_are_kept_for_ninety_days_and_oldest_base_says_who_has_to_reload(workshop: Workshop) -> None:
    for day in (0, 50, 100, 145):
        workshop.sql(f"update marts.dim_users set source = 'day {day}' where user_key = 'u1'")
        workshop.released(day)
    bases = [workshop.releases.manifest(release_id)["oldest_base"] for release_id in (1, 2, 3, 4)]
    assert bases == [0, 0, 1, 2]
    assert [step[3] for step in changes(workshop.releases.path(4) / "rollbook.duckdb")] == [3, 4]


def _no_key(shop: Workshop) -> None:
    del shop.keys["dim_users"]


def _no_marts(shop: Workshop) -> None:
    shop.sql("drop schema marts cascade")


BAD_CANDIDATES: list[tuple[Any, str]] = [
    ("insert into marts.dim_users values ('u1', 'again')", "dim_users has 1 values of user_key on several rows"),
    ("insert into marts.dim_users values (null, 'x')", "dim_users has 1 rows without user_key"),
    ("alter table marts.dim_users rename column user_key to id", "dim_users has no column user_key"),
    (_no_key, "dim_users has no primary key"),
    (_no_marts, "has no marts"),
    (lambda shop: shop.candidate.unlink(), "There is no candidate"),
    (lambda shop: shop.candidate.write_bytes(b"not a database" * 999), "was not published and release 1 stays live"),
    (
        "create schema gone; create table gone.t as select 1 as user_key; drop table marts.dim_users;"
        "create view marts.dim_users as from gone.t; drop schema gone cascade",
        "was not published and release 1 stays live",
    ),
]


@pytest.mark.parametrize(("spoil", "message"), BAD_CANDIDATES)
def test_a_bad_candidate_is_refused_in_one_sentence_and_leaves_everything_as_it_was(
    workshop: Workshop, spoil: Any, message: str
) -> None:
    workshop.released(1)
    before = tree(workshop.data)
    if callable(spoil):
        spoil(workshop)
    else:
        workshop.sql(spoil)
    with pytest.raises(ServingError, match=message) as raised:
        workshop.publish(2)
    assert "\n" not in str(raised.value)
    assert tree(workshop.data) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"monitoring": {"changes": pl.DataFrame({"a": [1]})}}, "Monitoring table changes is written by the release"),
        ({"monitoring": {"alerts": pl.DataFrame()}}, "Monitoring table alerts has no columns"),
        ({"released_at": START.replace(tzinfo=None)}, "time with a time zone"),
        ({"as_of": {"campus": "yesterday"}}, "was not published"),
        ({"cursors": {"campus": object()}}, "was not published"),
    ],
)
def test_bad_bookkeeping_is_refused(workshop: Workshop, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ServingError, match=message):
        workshop.publish(1, **arguments)
    assert workshop.releases.ids() == []
    assert workshop.releases.live_database() is None


def test_an_empty_data_directory_has_no_releases(tmp_path: Path) -> None:
    releases = Releases(tmp_path)
    assert (releases.ids(), releases.current_id(), releases.live_database(), releases.log()) == ([], None, None, [])
    with pytest.raises(ServingError, match="There is no release 7"):
        releases.manifest(7)


def test_a_second_publisher_is_refused_at_once(workshop: Workshop) -> None:
    from serving.release.files import only_publisher

    workshop.released(1)
    with (
        only_publisher(workshop.releases.published),
        pytest.raises(ServingError, match="Another process is publishing"),
    ):
        workshop.publish(2)
