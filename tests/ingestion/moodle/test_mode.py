"""Full or incremental: how a sync decides, and that it says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ingestion.errors import SourceError
from ingestion.moodle import sync as sync_module
from ingestion.moodle.mode import decide
from ingestion.moodle.source import MoodleSource

T0 = 1_780_000_000


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"mode": "full"}, ("full", "requested")),
        ({"mode": "incremental"}, ("incremental", "requested")),
        ({"last_failed": True}, ("full", "last_sync_failed")),
        ({"last_failed": True, "options": {"on_failure": "resume"}}, ("incremental", "normal")),
        ({"options": {"sync_window_hours": 0.0}}, ("full", "window_exceeded")),
        ({"reconcile": True}, ("incremental", "reconcile")),
        ({}, ("incremental", "normal")),
    ],
)
def test_the_mode_is_decided_and_its_reason_recorded(site: Any, work: Any, how: dict, expected: tuple) -> None:
    work.sync(site.url)
    report = work.sync(site.url, **how)
    assert (report.mode, report.reason) == expected
    assert (report.manifest.mode, report.manifest.reason) == expected


def test_other_contracts_read_everything_again_the_log_too(site: Any, work: Any, monkeypatch: Any) -> None:
    for number in (1, 5_000):
        site.insert("logstore_standard_log", id=number, component="mod_quiz", eventname="e", timecreated=T0)
    work.sync(site.url)
    rules = replace(sync_module.contracts())
    vars(rules)["version"] = "another"
    monkeypatch.setattr(sync_module, "contracts", lambda: rules)
    report = work.sync(site.url, mode="incremental")
    assert (report.mode, report.reason) == ("full", "contracts_changed")
    assert (report.manifest.mode, report.manifest.reason) == ("full", "contracts_changed")
    assert report.manifest.streams["logstore_standard_log"].ledger.received == 2
    assert report.rows_landed == 0


def test_an_incremental_sync_without_history_is_full(site: Any, work: Any) -> None:
    assert work.sync(site.url, mode="incremental").reason == "first_sync"


def test_after_a_failure_a_source_told_to_resume_lands_what_changed_meanwhile(site: Any, work: Any) -> None:
    for number in (1, 2):
        site.insert("user_enrolments", id=number, enrolid=1, userid=number, status=0, timemodified=T0)
    work.sync(site.url)
    site.update("user_enrolments", "id = 2", status=1, timemodified=T0 + 60)

    def stop(table: str, rows: int) -> None:
        if table == "user_enrolments":
            raise SourceError("the line went dead")

    with pytest.raises(SourceError):
        work.sync(site.url, progress=stop)
    resume = {"on_failure": "resume", "sync_window_hours": 24.0}
    report = work.sync(site.url, last_failed=True, options=resume)
    assert (report.mode, report.reason, report.rows_landed) == ("incremental", "normal", 1)


def test_a_source_within_its_window_is_read_incrementally_and_beyond_it_in_full(site: Any, work: Any) -> None:
    contract = work.sync(site.url).manifest.contract_version
    newest = work.landing.newest("campus")
    source = MoodleSource("campus", site.url, sync_window_hours=6)
    for hours, expected in ((5.9, ("incremental", "normal")), (6.1, ("full", "window_exceeded"))):
        now = newest.extracted_at + timedelta(hours=hours)
        decision = decide(source, "auto", newest, now, last_failed=False, contracts=contract)
        assert (decision.mode, decision.reason) == expected
