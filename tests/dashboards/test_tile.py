"""Tiles: each file keeps to the header, runs on the marts' contracts, and a bad header is told in a sentence."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from dashboards import tile as tiles
from dashboards.published import Status, current_release
from dashboards.reading import Scope, open_release
from dashboards.tile import TileError, load, parse
from dashboards.views import overview
from tests.dashboards.institution import RELEASED_AT, Institution

VIEWS = [overview.VIEW]
ALL_TILES = [(view.folder, name) for view in VIEWS for name in view.tile_names()]
SCOPES = [Scope(), Scope(course_key="campus:1"), Scope(company_key="campus:9"), Scope("campus:1", "campus:9")]
NOW = RELEASED_AT + timedelta(hours=1)
GOOD = """\
-- title: Attempts
-- definition: Attempts that learners
--   have begun.
-- caveat: No previews.
-- empty: Nobody has begun one.
-- kind: metric
-- column value: Attempts | count attempt/attempts
-- column note: Note | text
select 1 as value, 'few' as note;
"""


def test_a_good_header_is_read_whole() -> None:
    tile = parse(GOOD, "attempts")
    assert (tile.title, tile.kind, tile.caveat) == ("Attempts", "metric", "No previews.")
    assert tile.definition == "Attempts that learners have begun."
    assert [column.name for column in tile.columns] == ["value", "note"]
    assert tile.columns[0].format.unit == "attempts"
    assert tile.sql == "select 1 as value, 'few' as note"
    assert not tile.is_good_when_empty


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("-- title: Attempts\n", "", "the header lacks 'title'"),
        ("-- caveat: No previews.", "-- caveat:", "the header lacks 'caveat'"),
        ("-- empty: Nobody has begun one.\n", "", "the header lacks 'empty'"),
        ("-- kind: metric\n", "", "the header lacks 'kind'"),
        ("kind: metric", "kind: pie", "the kind 'pie' is none of metric, table, bar, line"),
        ("-- caveat", "-- colour", "'colour' is no key of a header"),
        ("-- caveat", "-- column", "'column' is no key of a header"),
        ("-- caveat: No previews.", "--caveat: No previews.", "is not of the form '-- key: value'"),
        ("-- caveat: No previews.", "-- caveat: No previews.\n-- caveat: None.", "'caveat' is there twice"),
        ("-- column note", "-- column value", "column value is there twice"),
        ("Note | text", "Note", "column note is not of the form 'label | format'"),
        ("Note | text", "| text", "column note is not of the form 'label | format'"),
        ("Note | text", "Note | money", "column note: 'money' is no format"),
        ("count attempt/attempts", "count", "column value: 'count' lacks its unit"),
        ("count attempt/attempts", "decimal 1", "column value: 'decimal 1' lacks its unit"),
        ("-- column value: Attempts | count attempt/attempts\n", "", "a metric has a column 'value'"),
        ("-- column note", "-- column remark", "a metric has a column 'value', then at most 'note' and 'tone'"),
        ("kind: metric", "kind: bar", "a bar has a text column and a number column"),
        ("kind: metric", "kind: line", "a line has a date or time column and a number column"),
        ("-- kind: metric", "-- kind: metric\n-- empty is: bad", "'empty is' can only be good"),
        ("select 1 as value, 'few' as note;", "", "there is no query below the header"),
        (GOOD, "select 1 as value", "the header lacks 'title'"),
        (GOOD, "", "the header lacks 'title'"),
    ],
)
def test_a_bad_header_is_refused_with_the_reason(old: str, new: str, sentence: str) -> None:
    assert old in GOOD
    with pytest.raises(TileError) as refused:
        parse(GOOD.replace(old, new, 1), "attempts")
    assert str(refused.value).startswith("attempts: ")
    assert sentence in str(refused.value)


def test_every_file_is_on_its_page_once() -> None:
    files = sorted((path.parent.name, path.stem) for path in tiles.FOLDER.rglob("*.sql"))
    assert sorted(ALL_TILES) == files


@pytest.mark.parametrize(("folder", "name"), ALL_TILES)
def test_every_tile_keeps_to_the_header_and_says_it_in_sentences(folder: str, name: str) -> None:
    tile = load(folder, name)
    for text in (tile.definition, tile.caveat, tile.empty):
        assert re.fullmatch(r"[A-Z].*\.", text), text


@pytest.mark.parametrize("which", ["usual", "empty"])
@pytest.mark.parametrize("scope", SCOPES)
def test_every_tile_runs_on_the_contracts_of_the_marts(
    which: str, scope: Scope, usual_institution: Institution, empty_institution: Institution
) -> None:
    institution = usual_institution if which == "usual" else empty_institution
    release = current_release(institution.published)
    with open_release(release, Status(), scope, NOW) as reading:
        failed = {name: reading.run(load(folder, name)).error for folder, name in ALL_TILES}
    assert {name: error for name, error in failed.items() if error} == {}


def test_a_query_that_does_not_match_its_header_is_a_sentence(usual_institution: Institution) -> None:
    release = current_release(usual_institution.published)
    with open_release(release, Status(), Scope(), NOW) as reading:
        other = reading.run(parse(GOOD.replace("as note", "as remark"), "attempts"))
        lost = reading.run(parse(GOOD.replace("'few' as note", "note from no_such_mart"), "attempts"))
    assert other.error == "Its query gives the columns value, remark, not those of its header."
    assert lost.error is not None
    assert "no_such_mart" in lost.error
    assert "\n" not in lost.error


@pytest.mark.parametrize(
    "statement",
    [
        "delete from dim_courses",
        "create table rollbook.marts.mine (a integer)",
        "select * from read_csv('/etc/hostname')",
        "copy dim_courses to 'courses.csv'",
        "set enable_external_access = true",
    ],
)
def test_a_tile_can_neither_write_nor_reach_outside_the_release(usual_institution: Institution, statement: str) -> None:
    release = current_release(usual_institution.published)
    before = release.database.read_bytes()
    with open_release(release, Status(), Scope(), NOW) as reading:
        refused = reading.run(parse(GOOD.replace("select 1 as value, 'few' as note", statement), "attempts"))
    assert refused.error is not None
    assert "columns" not in refused.error
    assert release.database.read_bytes() == before
