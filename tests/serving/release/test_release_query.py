"""One statement on the live release: what it may read, what it may not, and where its rows go."""

import os
from pathlib import Path

import duckdb
import pytest

from serving.errors import ServingError
from serving.release.query import run_query
from tests.serving.release.candidates import START, Workshop, tree


@pytest.fixture
def data(workshop: Workshop) -> Path:
    workshop.released(0)
    return workshop.data


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select count(*) from fct_grades", [(20,)]),
        ("select count(*) from marts.fct_grades;", [(20,)]),
        ("select release_id from current_release -- the live one", [(1,)]),
        ("select release_id from monitoring.current_release", [(1,)]),
        ("with a as (from dim_users) select count(*) from a", [(7,)]),
        ("from dim_courses", []),
        ("values (1), (2)", [(1,), (2,)]),
        ("select released_at from current_release", [(START,)]),
        ("select count(*) from (describe fct_grades)", [(8,)]),
    ],
)
def test_marts_and_monitoring_need_no_prefix(data: Path, sql: str, rows: list[tuple[object, ...]]) -> None:
    result = run_query(data, sql)
    assert (result.release_id, list(result.rows)) == (1, rows)


@pytest.mark.parametrize("sql", ["describe fct_grades", "summarize fct_grades", "show tables", "explain select 1"])
def test_a_query_may_ask_about_the_tables_themselves(data: Path, sql: str) -> None:
    assert run_query(data, sql).rows


REFUSED = [
    ("delete from dim_users", "one SELECT statement"),
    ("insert into dim_users select * from dim_users", "one SELECT statement"),
    ("create table x as select 1", "one SELECT statement"),
    ("select 1; select 2", "one SELECT statement"),
    ("set enable_external_access = true", "one SELECT statement"),
    ("attach 'other.duckdb'", "one SELECT statement"),
    ("copy dim_users to 'stolen.csv'", "one SELECT statement"),
    ("install httpfs", "one SELECT statement"),
    ("", "one SELECT statement"),
    ("selec 1", "syntax error"),
    ("select nothing from dim_users", "nothing"),
    ("from read_text('{secret}')", "disabled by configuration"),
    ("from '{restricted}'", "disabled by configuration"),
    ("select * from glob('/*')", "disabled by configuration"),
    ("from 'https://example.org/x.parquet'", "disabled by configuration"),
]


@pytest.mark.parametrize(("sql", "sentence"), REFUSED)
def test_anything_but_reading_this_release_is_refused_in_one_sentence(data: Path, sql: str, sentence: str) -> None:
    secret = data / "secret"
    secret.write_text("s3cret")
    before = tree(data)
    restricted = data / "restricted" / "00000001" / "restricted.duckdb"
    with pytest.raises(ServingError, match=sentence) as raised:
        run_query(data, sql.replace("{secret}", str(secret)).replace("{restricted}", str(restricted)))
    assert "\n" not in str(raised.value)
    assert tree(data) == before


@pytest.mark.parametrize("sql", ["from read_text('{secret}')", "copy (select 1) to '{secret}'"])
def test_a_query_into_a_file_may_not_touch_other_files_either(data: Path, sql: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    with pytest.raises(ServingError):
        run_query(data, sql.replace("{secret}", str(secret)), output=tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_rows_go_into_csv_or_parquet_with_a_header(data: Path, tmp_path: Path) -> None:
    sql = "select user_key, source from dim_users where source not in (';', 'ñ') order by all; -- everyone;"
    csv, parquet = tmp_path / "it's.csv", tmp_path / "users.parquet"
    written = run_query(data, sql, output=csv)
    assert (written.rows_written, written.columns, list(written.rows)) == (7, ("user_key", "source"), [])
    assert csv.read_text().splitlines()[:2] == ["user_key,source", "u0,campus"]
    run_query(data, sql, output=parquet, file_format="parquet")
    assert duckdb.execute(f"select count(*), max(user_key) from '{parquet}'").fetchone() == (7, "u6")


def test_a_relative_output_counts_from_the_current_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_query(data, "from dim_users", output=Path("users.csv"))
    assert os.listdir(tmp_path) == ["users.csv"]  # noqa: PTH208


def test_a_failing_query_leaves_the_earlier_file_in_place(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("earlier")
    with pytest.raises(ServingError):
        run_query(data, "select error('half way') from dim_users", output=target)
    assert target.read_text() == "earlier"
    with pytest.raises(ServingError):
        run_query(data, "from dim_users", output=tmp_path / "no such folder" / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_at_most_the_rows_asked_for_are_held(data: Path) -> None:
    result = run_query(data, "from fct_grades", max_rows=5)
    assert (len(result.rows), result.is_truncated) == (5, True)
    assert run_query(data, "from fct_grades", max_rows=20).is_truncated is False


def test_an_earlier_release_can_be_asked_too(workshop: Workshop) -> None:
    workshop.released(1)
    workshop.sql("delete from marts.dim_users where user_key = 'u1'")
    workshop.released(2)
    count = "select count(*) from dim_users"
    assert [run_query(workshop.data, count, release_id=i).rows for i in (1, None)] == [[(7,)], [(6,)]]
    with pytest.raises(ServingError, match="There is no release 9"):
        run_query(workshop.data, count, release_id=9)


def test_before_the_first_release_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="Nothing is published yet: `rollbook run`"):
        run_query(tmp_path, "select 1")


def test_a_query_leaves_nothing_in_the_release(data: Path) -> None:
    before = tree(data)
    run_query(data, "select a.grade_key from fct_grades a, fct_grades b, fct_grades c order by all")
    assert tree(data) == before
