"""Syncs of databases that Moodle itself wrote, on the servers that Moodle runs on."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ingestion.errors import SourceError
from ingestion.moodle import sync as sync_module
from ingestion.moodle.databases import open_database
from ingestion.moodle.doctor import examine, grants
from ingestion.moodle.source import MoodleSource

PASSWORD = "p@ss/word#1"


@pytest.fixture(scope="session")
def postgresql_sites(postgresql: Any, shared: Path) -> Any:
    for name in ("dev_t1", "dev_t2", "dev"):
        postgresql.load(name, shared / "data/moodle/dev" / f"{name}.pg.sql.gz")
    postgresql.load("iomad", shared / "data/moodle/iomad/iomad.pg.sql.gz")
    postgresql.create("empty")
    postgresql.run("postgres", f"create role reader login password '{PASSWORD}'")
    postgresql.run("postgres", "create role stranger login password 'x'")
    postgresql.run("dev", "grant select on all tables in schema public to reader")
    return postgresql


@pytest.fixture(scope="session")
def mariadb_sites(mariadb: Any, shared: Path) -> Any:
    for name in ("dev", "iomad"):
        mariadb.load(name, shared / "data/moodle" / name / f"{name}.mariadb.sql.gz")
    mariadb.run("mysql", f"create user 'reader'@'127.0.0.1' identified by '{PASSWORD}'")
    mariadb.run("mysql", "grant select on dev.* to 'reader'@'127.0.0.1'")
    return mariadb


def as_reader(url: str, password: str = PASSWORD) -> str:
    place = url.rpartition("@")[2]
    return f"{url.partition('://')[0]}://reader:{quote(password, safe='')}@{place}"


@pytest.mark.parametrize("site", ["dev", "iomad"])
def test_postgresql_and_mariadb_land_the_same(
    postgresql_sites: Any, mariadb_sites: Any, make_work: Callable[[str], Any], site: str
) -> None:
    contents = []
    for server in (postgresql_sites, mariadb_sites):
        work = make_work(f"work{len(contents)}")
        report = work.sync(server.url(site))
        work.load()
        contents.append(work.content())
        assert report.rows_quarantined == 0
        assert work.sync(server.url(site)).rows_landed == 0
    assert contents[0] == contents[1]
    assert len(contents[0]["landing.moodle_quiz_attempts"]) > 400


def test_three_syncs_over_six_months_equal_one_of_the_end(
    postgresql_sites: Any, make_work: Callable[[str], Any]
) -> None:
    step_by_step, at_once = make_work("steps"), make_work("once")
    reports = [step_by_step.sync(postgresql_sites.url(name)) for name in ("dev_t1", "dev_t2", "dev", "dev")]
    at_once.sync(postgresql_sites.url("dev"))
    for work in (step_by_step, at_once):
        work.load()
    assert [r.mode for r in reports] == ["full", "incremental", "incremental", "incremental"]
    assert step_by_step.content(without=("history",)) == at_once.content(without=("history",))
    assert reports[1].rows_landed < reports[0].rows_landed / 2
    assert reports[3].manifest.has_rows is False


def test_a_gradebook_read_by_its_history_equals_one_read_whole(
    postgresql_sites: Any, make_work: Callable[[str], Any]
) -> None:
    step_by_step, at_once = make_work("steps"), make_work("once")
    by_history = {"whole_read_max_rows": 0, "append_overlap_rows": 0}
    reports = [
        step_by_step.sync(postgresql_sites.url(name), options=by_history) for name in ("dev_t1", "dev_t2", "dev", "dev")
    ]
    at_once.sync(postgresql_sites.url("dev"))
    for work in (step_by_step, at_once):
        work.load()
    assert step_by_step.content(without=("history",)) == at_once.content(without=("history",))
    ledgers = [report.manifest.streams["grade_grades"].ledger for report in reports]
    assert [ledger.accepted for ledger in ledgers[1:]] == [1374, 506, 0]
    assert ledgers[3].received == 0


@pytest.mark.parametrize("server_name", ["postgresql_sites", "mariadb_sites"])
def test_a_full_load_in_parts_equals_one_at_once(
    request: pytest.FixtureRequest, server_name: str, make_work: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = request.getfixturevalue(server_name).url("dev")
    in_parts, at_once = make_work("parts"), make_work("once")
    at_once.sync(url)
    seconds = itertools.count()
    monkeypatch.setattr(sync_module, "monotonic", lambda: float(next(seconds)))
    parts = 1
    while not in_parts.sync(url, options={"time_budget_seconds": 40, "range_rows": 3_000}).is_complete:
        parts += 1
    for work in (in_parts, at_once):
        work.load()
    assert parts > 4
    assert in_parts.content() == at_once.content()


def test_a_full_load_of_mariadb_is_healed_in_one_transaction(mariadb_sites: Any, work: Any) -> None:
    report = work.sync(mariadb_sites.url("iomad"))
    manifests = list(work.landing.manifests("campus"))
    assert [(m.mode, m.reason, m.is_complete) for m in manifests] == [
        ("full", "first_sync", False),
        ("incremental", "heals_full_load", True),
    ]
    assert report.batch_ids == [1, 2]


@pytest.mark.parametrize("server_name", ["postgresql_sites", "mariadb_sites"])
def test_what_is_written_during_a_snapshot_is_not_seen_in_it(request: pytest.FixtureRequest, server_name: str) -> None:
    server = request.getfixturevalue(server_name)
    server.copy("dev", "moving")
    database = open_database(MoodleSource("campus", server.url("moving")))
    count = "select count(*) as n from mdl_course"
    with database.snapshot() as snapshot:
        before = next(iter(snapshot.read(count)))["n"][0]
        server.run("moving", "delete from mdl_course where id > 2")
        assert next(iter(snapshot.read(count)))["n"][0] == before
    with database.snapshot() as snapshot:
        assert next(iter(snapshot.read(count)))["n"][0] < before


@pytest.mark.parametrize("server_name", ["postgresql_sites", "mariadb_sites"])
@pytest.mark.parametrize("bulk", [True, False])
def test_sessions_cannot_write_even_where_the_account_could(
    request: pytest.FixtureRequest, server_name: str, bulk: bool
) -> None:
    server = request.getfixturevalue(server_name)
    database = open_database(MoodleSource("campus", server.url("dev")))
    assert database.can_write()
    with pytest.raises(SourceError), database.snapshot() as snapshot:
        list(snapshot.read("delete from mdl_quiz_grades", bulk=bulk))
    with database.snapshot() as snapshot:
        assert next(iter(snapshot.read("select count(*) as n from mdl_quiz_grades")))["n"][0] > 900


@pytest.mark.parametrize("server_name", ["postgresql_sites", "mariadb_sites"])
def test_a_read_only_account_with_an_awkward_password_can_sync(
    request: pytest.FixtureRequest, server_name: str, work: Any
) -> None:
    url = as_reader(request.getfixturevalue(server_name).url("dev"))
    assert work.sync(url).rows_landed > 50_000
    assert not open_database(MoodleSource("campus", url)).can_write()


def broken_urls(server: Any) -> dict[str, str]:
    url = server.url("dev")
    host = url.rpartition("@")[2].partition("/")[0]
    return {
        "wrong password": as_reader(url, "not-the-secret"),
        "wrong database": as_reader(server.url("nowhere")),
        "nothing listens": as_reader(url.replace(host, "127.0.0.1:9")),
        "unknown host": as_reader(url.replace(host, "no-such-host.invalid")),
    }


@pytest.mark.parametrize("server_name", ["postgresql_sites", "mariadb_sites"])
@pytest.mark.parametrize("fault", ["wrong password", "wrong database", "nothing listens", "unknown host"])
def test_an_unreachable_database_is_one_sentence_without_the_secret(
    request: pytest.FixtureRequest, work: Any, server_name: str, fault: str
) -> None:
    server = request.getfixturevalue(server_name)
    with pytest.raises(SourceError) as caught:
        work.sync(broken_urls(server)[fault])
    sentence = str(caught.value)
    assert sentence.startswith("Source campus cannot be read: ")
    assert "\n" not in sentence
    assert "not-the-secret" not in sentence
    assert PASSWORD not in sentence
    if fault != "unknown host":  # some resolvers cannot tell a wrong name from a passing trouble of their own
        assert caught.value.may_pass is (fault == "nothing listens")
    assert work.landing.newest("campus") is None


def test_an_account_that_may_read_nothing_is_told_what_to_do(postgresql_sites: Any, work: Any) -> None:
    url = postgresql_sites.url("dev").replace("postgres@", "stranger:x@")
    with pytest.raises(Exception, match=r"may not read|may read none"):
        work.sync(url)


@pytest.mark.parametrize("server_name", ["postgresql_sites", "mariadb_sites"])
def test_doctor_warns_of_an_account_that_could_write(request: pytest.FixtureRequest, server_name: str) -> None:
    server = request.getfixturevalue(server_name)
    writer = examine(MoodleSource("campus", server.url("dev")))
    reader = examine(MoodleSource("campus", as_reader(server.url("dev"))))
    assert [f.level for f in writer if f.topic == "read-only"] == ["warn"]
    assert [f.level for f in reader if f.topic == "read-only"] == ["ok"]
    assert not [f for f in reader if f.level == "fail"]


def scanned(url: str) -> dict[str, str]:
    """Table -> what doctor says to make an index, for tables of at least 400 rows."""
    findings = examine(MoodleSource("campus", url), scan_matters_rows=400)
    found = {}
    for finding in (f for f in findings if f.topic == "indexes" and f.level == "warn"):
        what = re.fullmatch(r"every sync scans the \d+ rows of (\w+) for its timemodified: (.+)", finding.what)
        assert what, finding.what
        assert re.search(r"Seq Scan|type (ALL|index)|SCAN", what[2])
        found[what[1]] = finding.mend.partition(": ")[2]
    return found


@pytest.mark.parametrize(
    ("server_name", "analyze"), [("postgresql_sites", "analyze"), ("mariadb_sites", "analyze table mdl_quiz_attempts")]
)
def test_doctor_shows_what_every_sync_scans_until_an_index_is_made(
    request: pytest.FixtureRequest, server_name: str, analyze: str
) -> None:
    server = request.getfixturevalue(server_name)
    server.copy("dev", "indexed")
    server.run("indexed", analyze)
    before = scanned(server.url("indexed"))
    assert {"quiz_attempts", "question_attempts", "course_modules_completion"} <= set(before)
    for name in ("quiz_attempts", "question_attempts"):
        server.run("indexed", before[name])
    server.run("indexed", analyze)
    assert set(scanned(server.url("indexed"))) == set(before) - {"quiz_attempts", "question_attempts"}


def test_the_grants_that_doctor_prints_suffice_and_give_no_more(postgresql_sites: Any, work: Any) -> None:
    postgresql_sites.copy("dev", "granted")
    owner = MoodleSource("campus", postgresql_sites.url("granted"))
    url = as_reader(owner.url)
    postgresql_sites.run("granted", "revoke all on all tables in schema public from reader")
    for line in grants(owner, account="reader").splitlines():
        if line.startswith("grant"):
            postgresql_sites.run("granted", line)
    assert work.sync(url).rows_landed > 50_000
    with pytest.raises(SourceError), open_database(MoodleSource("campus", url)).snapshot() as snapshot:
        list(snapshot.read("select password from mdl_user"))
