"""Full loads in parts: they go on where they stopped, and their end state is that of one point in time."""

from __future__ import annotations

import itertools
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingestion.errors import SourceError
from ingestion.moodle import sync as sync_module
from tests.ingestion.moodle.changes import T0, USERS, change, changes
from tests.ingestion.moodle.conftest import Work
from tests.ingestion.moodle.site import Site

DAY = 86_400
# Each table asks the clock three times: with this budget a part reads about a dozen ranges.
PARTS = {"time_budget_seconds": 40, "range_rows": 4}


@pytest.fixture(autouse=True)
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock takes a second."""
    seconds = itertools.count()
    monkeypatch.setattr(sync_module, "monotonic", lambda: float(next(seconds)))


def fill(site: Site) -> None:
    for user in USERS:
        site.attempt(user, user=user, at=T0 + user)
        site.insert("user", id=user, username=f"name{user}", firstname="A")
        site.insert("quiz_grades", id=user, quiz=1, userid=user, grade="5.00000", timemodified=T0)
        site.insert("logstore_standard_log", id=user, component="mod_quiz", eventname="e", timecreated=T0)
        # Rows that the contract leaves out must not end a range early.
        site.insert("logstore_standard_log", id=100 + user, component="core", eventname="e", timecreated=T0)


def finish(work: Work, url: str, between: Callable[[int], None] = lambda number: None, **how: Any) -> list[Any]:
    """Sync until nothing is left to load; returns the reports."""
    reports = []
    for number in range(60):
        reports.append(work.sync(url, options=PARTS, **how))
        if reports[-1].is_complete:
            return reports
        between(number)
    raise AssertionError("the load never ends")


def test_a_load_in_parts_equals_a_load_at_once(site: Site, make_work: Callable[[str], Work]) -> None:
    fill(site)
    in_parts, at_once = make_work("parts"), make_work("once")
    reports = finish(in_parts, site.url)
    at_once.sync(site.url)
    for work in (in_parts, at_once):
        work.load()
    assert in_parts.content() == at_once.content()
    manifests = list(in_parts.landing.manifests("campus"))
    assert len(reports) >= 3
    assert [(m.mode, m.reason, m.is_complete) for m in manifests] == [
        ("full", "first_sync", False),
        *[("full", "resumes_full_load", False)] * (len(manifests) - 2),
        ("incremental", "heals_full_load", True),
    ]
    assert any("the next sync goes on with " in note for m in manifests for note in m.notes)
    # Nothing was read twice but by the batch that heals.
    steps = [m.streams["question_attempt_steps"].ledger for m in manifests if "question_attempt_steps" in m.streams]
    assert sum(ledger.accepted for ledger in steps) == 4 * len(USERS)
    following = in_parts.sync(site.url, options=PARTS)
    assert (following.reason, following.rows_landed, following.rows_deleted) == ("normal", 0, 0)


def test_a_load_within_its_budget_is_one_batch(site: Site, work: Work) -> None:
    fill(site)
    report = work.sync(site.url, options={"time_budget_seconds": 10_000, "range_rows": 4})
    assert (report.batch_ids, report.is_complete) == ([1], True)
    assert "full_load" not in report.manifest.cursor_after


@settings(max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(changes, min_size=3, max_size=6), st.booleans())
def test_what_moves_between_the_parts_is_healed_to_one_point_in_time(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[str, int]]], is_first: bool
) -> None:
    folder = tmp_path_factory.mktemp("work")
    site = Site(folder / "moodle.sqlite")
    works = {name: Work(folder / name) for name in ("parts", "once")}
    for work in works.values():
        work.folder.mkdir()
    fill(site)
    if not is_first:
        works["parts"].sync(site.url)

    def move(number: int) -> None:
        for what, key in rounds[number] if number < len(rounds) else ():
            change(site, what, key, T0 + (number + 1) * 5_000)

    move(0)
    finish(works["parts"], site.url, lambda number: move(number + 1), mode="full")
    works["once"].sync(site.url)
    contents = []
    for work in works.values():
        work.load()
        found = work.content(without=("history",))
        # A value turned away keeps its last good version where there was one, and the quarantine tells of every one.
        found.pop("landing.moodle_quarantine")
        grades = found["landing.moodle_quiz_grades"]
        found["landing.moodle_quiz_grades"] = [row for row in grades if row[1] != 5]
        contents.append(found)
    assert contents[0] == contents[1]


def test_a_full_load_in_parts_finds_edits_and_deletes_that_moved_no_time(site: Site, work: Work) -> None:
    fill(site)
    work.sync(site.url)
    site.update("question_attempt_steps", "id = 110", state="edited")
    site.delete("question_attempt_steps", "id = 611")
    site.delete("user_enrolments")
    finish(work, site.url, mode="full")
    work.load()
    states = dict(work.rows("select id, state from landing.moodle_question_attempt_steps"))
    assert states[110] == "edited"
    assert 611 not in states
    assert len(states) == 4 * len(USERS) - 1


def test_readers_wait_for_the_last_part(site: Site, work: Work) -> None:
    fill(site)
    work.sync(site.url, options=PARTS)
    assert work.load().applied == {}
    finish(work, site.url)
    work.load()
    before = work.content()
    site.insert("course", id=2, shortname="new")
    site.update("user", "id = 3", username="renamed")
    first_part = work.sync(site.url, options=PARTS, mode="full")
    assert not first_part.is_complete
    report = work.load()
    assert (report.applied, report.needs_build) == ({}, False)
    assert work.content() == before
    work.load(rebuild=True)
    assert work.content() == before
    finish(work, site.url)
    assert len(work.load().applied["campus"]) > 1
    assert work.rows("select shortname from landing.moodle_course") == [("new",)]


@pytest.mark.parametrize("how", [{"mode": "full"}, {"mode": "incremental"}, {"last_failed": True}, {"reconcile": True}])
def test_an_unfinished_load_goes_on_whatever_is_asked_for(site: Site, work: Work, how: dict[str, Any]) -> None:
    fill(site)
    begun = work.sync(site.url, options=PARTS).manifest.cursor_after["full_load"]
    report = work.sync(site.url, options=PARTS | {"sync_window_hours": 0.0}, **how)
    assert (report.mode, report.reason) == ("full", "resumes_full_load")
    assert set(begun["done"]) < set(report.manifest.cursor_after["full_load"]["done"])


def test_a_load_is_started_over_when_the_contracts_changed(site: Site, work: Work, monkeypatch: Any) -> None:
    fill(site)
    work.sync(site.url, options=PARTS)
    rules = replace(sync_module.contracts())
    vars(rules)["version"] = "another"
    monkeypatch.setattr(sync_module, "contracts", lambda: rules)
    report = work.sync(site.url, options=PARTS)
    assert (report.reason, report.rows_landed) == ("contracts_changed", 0)
    assert finish(work, site.url)[-1].is_complete


def test_a_failure_in_a_later_part_loses_only_that_part(site: Site, work: Work) -> None:
    fill(site)
    work.sync(site.url, options=PARTS)

    def stop(table: str, rows: int) -> None:
        raise SourceError("the line went dead")

    with pytest.raises(SourceError):
        finish(work, site.url, progress=stop)
    before = work.landing.newest("campus")
    assert before.is_complete is False
    reports = finish(work, site.url, last_failed=True)
    assert reports[0].reason == "resumes_full_load"
    assert reports[0].manifest.cursor_before == before.cursor_after


def test_a_log_row_that_became_visible_late_is_found_across_parts(site: Site, work: Work) -> None:
    for number in range(10, 60, 2):
        site.insert("logstore_standard_log", id=number, component="mod_quiz", eventname="e", timecreated=T0)

    late: list[int] = []
    one_range = PARTS | {"time_budget_seconds": 0}
    while not work.sync(site.url, options=one_range).is_complete:
        load = work.landing.newest("campus").cursor_after["full_load"]
        if load["table"] == "logstore_standard_log" and not late:
            late.append(load["above"] - 1)
            site.insert("logstore_standard_log", id=late[0], component="mod_quiz", eventname="e", timecreated=T0)
    work.load()
    assert len(late) == 1
    assert work.rows("select count(*), count(distinct id) from landing.moodle_logstore_standard_log") == [(26, 26)]


def test_a_load_that_is_killed_again_and_again_still_ends(tmp_path: Path, make_work: Callable[[str], Work]) -> None:
    site = Site(tmp_path / "moodle.sqlite")
    fill(site)
    work, at_once = make_work("killed"), make_work("once")
    script = textwrap.dedent("""
        import itertools, os, signal, sys
        from pathlib import Path
        from ingestion.landing import Landing
        from ingestion.moodle import sync
        from ingestion.moodle.source import MoodleSource
        url, folder, last = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
        ticks, seen = itertools.count(), itertools.count()
        sync.monotonic = lambda: float(next(ticks))
        source = MoodleSource("campus", url, time_budget_seconds=20, range_rows=4)
        def progress(table, rows):
            if next(seen) == last:
                os.kill(os.getpid(), signal.SIGKILL)
        while True:
            report = sync.sync_moodle(source, Landing(folder / "landing"), folder / "state", progress=progress)
            if report.is_complete:
                break
    """)
    codes, batches = [], []
    for attempt in range(12):
        # Later and later, so that every life gets a little further than the one before would alone.
        done = subprocess.run([sys.executable, "-c", script, site.url, str(work.folder), str(2 + 2 * attempt)])
        codes.append(done.returncode)
        batches.append(len(work.landing.batch_ids("campus")))
        if done.returncode == 0:
            break
    assert codes[0] == -9
    assert codes[-1] == 0
    assert batches == sorted(batches)
    assert {m.reason for m in work.landing.manifests("campus")} == {
        "first_sync", "resumes_full_load", "heals_full_load",
    }  # fmt: skip
    at_once.sync(site.url)
    for each in (work, at_once):
        each.load()
    assert work.content() == at_once.content()
    for batch_id in work.landing.batch_ids("campus"):
        assert work.landing.verify("campus", batch_id) == []
