"""A release's database begins as a copy of the live one's: what that may never change, and when it is not done."""

import json
from pathlib import Path
from typing import Any

import pytest

from serving.release import building, verify
from serving.release.releases import MANIFEST
from tests.serving.release.candidates import Workshop, changes, flip_byte, read, snapshot

DAYS = (
    "update marts.fct_grades set grade = 5 where grade_key = 'campus:3'",
    "delete from marts.fct_grades where grade_key = 'campus:4'",
    "insert into marts.dim_courses values ('c1', 'Physics')",
    "update marts.fct_grades set grade_scaled = null where grade_key = 'campus:3'",
    "insert into marts.fct_grades select * replace ('campus:99' as grade_key) from marts.fct_grades limit 1",
    "update marts.fct_grades set user_key = user_key || '!'",
    "drop table marts.dim_users",
    "alter table marts.dim_courses add column url varchar",
    "delete from marts.dim_courses",
)


def _content(workshop: Workshop, release_id: int) -> Any:
    return snapshot(workshop.releases, release_id), _changes(workshop, release_id)


def _changes(workshop: Workshop, release_id: int) -> list[tuple[str, str, str, int]]:
    return sorted(changes(workshop.releases.path(release_id) / "rollbook.duckdb"))


def _written_whole(workshop: Workshop, release_id: int) -> int:
    return workshop.releases.manifest(release_id)["database"]["written_whole"]


def test_continued_releases_hold_what_releases_written_whole_hold(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Workshop(tmp_path).begin()
    for day, statement in enumerate(("select 1", *DAYS)):
        for each, is_loose in ((workshop, False), (whole, True)):
            monkeypatch.setattr(building, "_is_loose", lambda now, then, is_loose=is_loose: is_loose)
            each.sql(statement)
            each.released(day)
        release_id = day + 1
        assert (_written_whole(workshop, release_id), _written_whole(whole, release_id)) == (1, release_id)
        assert _content(workshop, release_id) == _content(whole, release_id)
        assert verify(workshop.data, release_id) == []
        for mart, facts in workshop.releases.manifest(release_id)["marts"].items():
            assert facts == whole.releases.manifest(release_id)["marts"][mart]


def test_a_database_that_has_grown_loose_is_written_whole_with_all_its_changes(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.released(1)
    workshop.sql(DAYS[0])
    workshop.released(2)
    before = _changes(workshop, 2)
    monkeypatch.setattr(building, "_MOST_GROWTH", 0.5)
    monkeypatch.setattr(building, "_ROOM_BYTES", 0)
    workshop.sql(DAYS[1])
    workshop.released(3)
    assert [_written_whole(workshop, release_id) for release_id in (1, 2, 3)] == [1, 1, 3]
    assert _changes(workshop, 3) == sorted([*before, ("fct_grades", "campus:4", "delete", 3)])


@pytest.mark.parametrize("layout", [None, {"storage_version": "v9.9.9", "written_whole": 1, "bytes_then": 1 << 40}])
def test_a_live_database_of_another_storage_version_is_not_continued(
    workshop: Workshop, layout: dict[str, Any] | None
) -> None:
    path = workshop.released(1).path / MANIFEST
    manifest = json.loads(path.read_bytes()) | {"database": layout or {}}
    path.write_text(json.dumps(manifest if layout else {k: v for k, v in manifest.items() if k != "database"}))
    workshop.sql(DAYS[0])
    workshop.released(2)
    assert _written_whole(workshop, 2) == 2


@pytest.mark.parametrize("at", [0.35, 0.6, 0.85, 0.999])
def test_nothing_is_built_on_a_live_database_with_one_wrong_byte(workshop: Workshop, at: float) -> None:
    workshop.begin(rows=20_000)
    live = workshop.released(1).path / "rollbook.duckdb"
    flip_byte(live, at)
    workshop.sql("update marts.fct_grades set grade = 5 where grade_key = 'campus:3'")
    second = workshop.released(2)
    assert "Release 1 is damaged" in second.notes[0]
    assert (second.previous_id, second.manifest["oldest_base"]) == (None, 2)
    assert verify(workshop.data, 2) == []


def test_a_description_that_changed_or_went_does_so_in_the_next_release(workshop: Workshop) -> None:
    workshop.sql(
        """comment on table marts.fct_grades is 'one row per grade';
        comment on column marts.fct_grades.grade is 'points'; comment on column marts.dim_users.source is 'a source'"""
    )
    workshop.released(1)
    workshop.sql(
        """comment on column marts.fct_grades.grade is 'marks'; comment on column marts.dim_users.source is null;
        update marts.fct_grades set grade = 5 where grade_key = 'campus:3'"""
    )
    path = workshop.released(2).path / "rollbook.duckdb"
    assert read(path, "select comment from duckdb_columns() where comment is not null") == [("marks",)]
    assert read(path, "select comment from duckdb_tables() where comment is not null") == [("one row per grade",)]
