"""The run ledger: what it remembers of syncs, results, findings, waivers and alerts."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.ops import INTERRUPTED, Ops, SyncRun

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def ops(tmp_path: Path) -> Ops:
    return Ops(tmp_path)


def _begun(run_id: str = "r1", source: str = "campus", at: datetime = NOON) -> SyncRun:
    return SyncRun(run_id, source, "moodle", "auto", "", at, "running")


def _result(check: str, *, passed: bool) -> dict[str, Any]:
    return {
        "check": check, "kind": "ours", "mart": "fct_grades", "passed": passed, "blocks": not passed,
        "rows_checked": 5, "rows_failed": 0 if passed else 1, "message": "m", "evidence": "[]",
    }  # fmt: skip


def _finding(key: str) -> dict[str, str]:
    return {"anomaly_key": key, "rule": "grade_mismatch", "source": "campus"}


def test_reading_makes_no_file(ops: Ops) -> None:
    assert (ops.fact("built"), ops.last_sync("campus"), ops.open_alerts()) == (None, None, [])
    assert not ops.path.exists()


def test_the_file_is_its_owner_alone(ops: Ops) -> None:
    ops.set_fact("a", {"b": [1]})
    assert ops.fact("a") == {"b": [1]}
    assert stat.S_IMODE(ops.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(ops.path.parent.stat().st_mode) == 0o700


def test_a_sync_whose_process_died_counts_as_failed(ops: Ops) -> None:
    ops.begin_sync(_begun())
    running = ops.last_sync("campus")
    assert running is not None
    assert running.status == "running"
    ops.begin_sync(_begun("r2", at=NOON + timedelta(hours=1)))
    [died] = ops.syncs_of("r1")
    assert (died.status, died.error) == ("failed", INTERRUPTED)


def test_another_source_does_not_end_a_sync(ops: Ops) -> None:
    ops.begin_sync(_begun())
    ops.begin_sync(_begun(source="north"))
    assert [run.status for run in ops.syncs_of("r1")] == ["running", "running"]


def test_a_full_load_counts_as_a_reconcile(ops: Ops) -> None:
    sync_id = ops.begin_sync(_begun())
    assert ops.last_reconcile("campus") is None
    ops.end_sync(sync_id, status="succeeded", mode="full", finished_at=NOON)
    assert ops.last_reconcile("campus") == NOON


def test_failures_outlive_the_next_check_and_passes_do_not(ops: Ops) -> None:
    ops.record_results("r1", "audit", NOON, [_result("a", passed=True), _result("b", passed=False)])
    ops.record_results("r1", "dbt", NOON, [_result("c", passed=True)])
    ops.record_results("r2", "audit", NOON + timedelta(hours=1), [_result("a", passed=True)])
    assert [row["check"] for row in ops.results_of("r1")] == ["b", "c"]
    ops.record_results("r3", "audit", NOON + timedelta(days=91), [])
    assert [row["check"] for row in ops.results_of("r1")] == ["c"]


def _findings(ops: Ops) -> dict[str, str]:
    return {row["anomaly_key"]: row["status"] for row in ops.rows("select * from findings")}


def test_a_finding_keeps_when_it_was_first_seen_and_goes_with_its_row(ops: Ops) -> None:
    ops.note_findings([_finding("x"), _finding("y")], NOON)
    ops.note_findings([_finding("x")], NOON + timedelta(hours=1))
    assert _findings(ops) == {"x": "open", "y": "gone"}
    [x] = ops.rows("select * from findings where anomaly_key = 'x'")
    assert (x["first_seen_at"], x["last_seen_at"]) == (
        "2026-03-01T12:00:00.000000+00:00",
        "2026-03-01T13:00:00.000000+00:00",
    )


def test_a_waiver_holds_for_its_key_until_its_end(ops: Ops) -> None:
    ops.waive("grade_mismatch", "x", "agreed", NOON + timedelta(days=1), NOON)
    ops.note_findings([_finding("x"), _finding("y")], NOON)
    assert _findings(ops) == {"x": "waived", "y": "open"}
    ops.note_findings([_finding("x"), _finding("y")], NOON + timedelta(days=2))
    assert _findings(ops) == {"x": "open", "y": "open"}


def test_an_alert_opens_once_counts_and_opens_again_after_it_was_resolved(ops: Ops) -> None:
    for hour in range(2):
        ops.raise_alert("sync:campus", "error", "t", "d", NOON + timedelta(hours=hour), "r1")
    [alert] = ops.open_alerts()
    assert (alert.opened_at, alert.times_seen) == (NOON, 2)
    ops.resolve_alert("sync:campus", NOON + timedelta(hours=2))
    assert ops.open_alerts() == []
    ops.raise_alert("sync:campus", "error", "t", "d", NOON + timedelta(hours=3), "r2")
    [alert] = ops.open_alerts()
    assert (alert.opened_at, alert.times_seen) == (NOON + timedelta(hours=3), 1)
