"""What has to hold after a process died, and after the next run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.reader import Reader
from tests.faults.school import School, differing_marts


def dies(school: School, *arguments: str, by: Sequence[Any], live: int = 1) -> None:
    """A command is killed; `live` is the release that readers have afterwards, without an error on the way.

    What it was doing is not told as going on.
    """
    with Reader(school.data / "published") as reader:
        school.kill(*arguments, changes=by)
    assert reader.seen[-1] == school.live == live
    told = json.loads(school.run("status", "--json").stdout)
    assert told["sources"]["campus"]["last_sync"]["status"] in ("succeeded", "failed")
    assert told["release"]["release_id"] == live


def heals(school: School, clean_release: Path, *, runs: str, live: int = 2) -> None:
    """The next run completes, and nothing tells that processes had died but the record of their runs.

    `runs` has a letter for each run since the first: F failed or was killed, S succeeded. A run after the next finds
    nothing left to do.
    """
    with Reader(school.data / "published"):
        assert "made anew" not in school.run().stderr
    assert school.live == live
    assert differing_marts(school.releases.path(live) / "rollbook.duckdb", clean_release) == []
    assert school.remains() == []
    assert school.unsound() == []
    assert school.followed()
    assert "".join(state[0] for state in school.runs()) == f"S{runs}S"
    assert school.claimed_slots() == []
    assert school.ledger("select count(*) from sync_runs where status = 'running'") == [(0,)]
    assert [alert for alert in school.status["alerts"] if not alert["alert_key"].startswith("rule:")] == []

    batches = school.landing.batch_ids("campus")
    school.run()
    assert school.live == live
    assert school.status["candidate"]["build_due"] is None
    assert school.landing.batch_ids("campus") == [*batches, batches[-1] + 1]
    assert school.landing.newest("campus").reason == "normal"
