"""Consumers' law: whoever applies the changes of each release has the release, whatever happens at the source."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.days import LAST_DAY
from tests.faults.process import Death
from tests.faults.school import School, copy_school, differing_marts
from tests.serving.release.candidates import Snapshot, changes, filled, snapshot

pytestmark = pytest.mark.slow

CleanRelease = Callable[[int], Path]
STAMPS = ("changed_release", "changed_at")


@pytest.fixture(scope="module")
def school(day_0: Path, place: Path) -> School:
    """One installation over all tests of this file, told in order."""
    copy_school(day_0, place)
    return School(place)


def unstamped(content: Snapshot) -> Snapshot:
    return {
        mart: {key: frozenset(pair for pair in row if pair[0] not in STAMPS) for key, row in rows.items()}
        for mart, rows in content.items()
    }


def stamps_move_with_content(school: School, before: int, now: int) -> set[str]:
    """Every row of `now` has the stamps of `before` unless its content differs; returns the ops that there were."""
    old, new = snapshot(school.releases, before), snapshot(school.releases, now)
    bare_old, bare_new = unstamped(old), unstamped(new)
    released_at = school.releases.manifest(now)["released_at"]
    for mart, rows in new.items():
        for key, row in rows.items():
            stamped = dict(row)
            if bare_old[mart].get(key) == bare_new[mart][key]:
                assert row == old[mart][key], (mart, key)
            else:
                assert stamped["changed_release"] == now, (mart, key)
                assert stamped["changed_at"].isoformat() == released_at, (mart, key)
    return {op for _, _, op, _ in changes(school.releases.path(now) / "changes.parquet")}


def test_each_day_is_a_release_that_its_changes_lead_to(school: School, clean_release: CleanRelease) -> None:
    ops = set()
    for day in range(1, LAST_DAY):
        school.pass_days(day)
        school.run()
        assert school.live == day + 1
        ops |= stamps_move_with_content(school, day, day + 1)
    assert ops == {"insert", "update", "delete"}
    assert school.followed() == filled(snapshot(school.releases, LAST_DAY))


def test_a_run_without_news_releases_nothing_and_tells_that_it_looked(school: School) -> None:
    looked = school.status["checked_at"]
    result = school.run()
    assert (school.live, "build" in result.stderr) == (LAST_DAY, False)
    assert school.status["checked_at"] > looked


def test_a_full_refresh_from_the_landing_alone_changes_nothing(school: School) -> None:
    """The source is not there to be asked, and no row of the next release is stamped anew."""
    hidden = school.database.rename(school.folder / "away.sqlite")
    school.run("build", "--full-refresh")
    school.run("audit")
    assert differing_marts(school.warehouse, school.releases.path(LAST_DAY) / "rollbook.duckdb") == []
    school.run("release")
    hidden.rename(school.database)
    school.run()
    assert school.live == LAST_DAY


def test_consumers_follow_through_a_rollback_and_on(school: School, clean_release: CleanRelease) -> None:
    school.kill("rollback", "2", changes=[Death("pathlib:Path.replace", "published/current")])
    assert school.live == LAST_DAY
    school.run("rollback", "2")
    assert (school.live, school.remains()) == (LAST_DAY + 1, [])
    school.pass_days(LAST_DAY)
    held = school.run()
    assert (school.live, "Releases are held" in held.stdout) == (LAST_DAY + 1, True)
    school.run("release", "--resume")
    assert school.live == LAST_DAY + 2
    for now in (LAST_DAY + 1, LAST_DAY + 2):
        stamps_move_with_content(school, now - 1, now)
    assert unstamped(snapshot(school.releases, LAST_DAY + 1)) == unstamped(snapshot(school.releases, 2))
    assert differing_marts(school.releases.path(LAST_DAY + 2) / "rollbook.duckdb", clean_release(LAST_DAY)) == []
    assert school.followed() == filled(snapshot(school.releases, LAST_DAY + 2))


def test_a_consumer_that_slept_catches_up_from_any_release_that_is_not_older_than_the_oldest_base(
    school: School,
) -> None:
    newest = school.live
    assert newest is not None
    assert school.releases.manifest(newest)["oldest_base"] == 0
    content = snapshot(school.releases, newest)
    steps = changes(school.releases.path(newest) / "rollbook.duckdb")
    for base in school.releases.ids():
        last = {(mart, key): op for mart, key, op, release_id in steps if release_id > base}
        copy = {mart: dict(rows) for mart, rows in snapshot(school.releases, base).items()}
        for (mart, key), op in last.items():
            copy.setdefault(mart, {}).pop(key, None)
            if op != "delete":
                copy[mart][key] = content[mart][key]
        assert filled(copy) == filled(content), base


def test_when_the_live_release_is_lost_another_one_follows_that_everybody_reloads(school: School) -> None:
    newest = school.live
    assert newest is not None
    before = unstamped(snapshot(school.releases, newest))
    shutil.rmtree(school.releases.path(newest))
    school.run()
    assert school.live == newest + 1
    assert school.releases.manifest(newest + 1)["oldest_base"] == newest + 1
    assert unstamped(snapshot(school.releases, newest + 1)) == before
