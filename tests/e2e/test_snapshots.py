"""One site at three instants, replayed as an hourly job would have met it, against one run on its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import AS_OF, Installation
from tests.servers import Server

pytestmark = pytest.mark.slow

# The site's clock at each snapshot.
SNAPSHOTS = (
    ("dev_t1", "2026-06-30T19:00:00+00:00"),
    ("dev_t2", "2026-08-29T19:00:00+00:00"),
    ("dev", AS_OF["dev"]),
    ("dev", AS_OF["dev"]),
)


def test_four_syncs_over_half_a_year_give_the_marts_of_one_run(
    postgresql: Server,
    load_site: Any,
    make_installation: Callable[[str], Installation],
    judge: Callable[..., str],
) -> None:
    hourly, once = make_installation("hourly"), make_installation("once")
    releases = []
    for name, as_of in SNAPSHOTS:
        load_site(postgresql, name, "pg")
        hourly.configure(postgresql.url(f"e2e_{name}"))
        hourly.run("run", "--as-of", as_of)
        releases.append(hourly.current.name)
    manifests = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((hourly.folder / "data/landing/campus/_batches").glob("*.json"))
    ]
    assert [m["mode"] for m in manifests] == ["full", "incremental", "incremental", "incremental"]
    landed = [sum(stream["rows"] for stream in m["streams"].values()) for m in manifests]
    assert landed[1] < landed[0] / 2
    assert landed[3] == 0
    assert len(set(releases[:3])) == 3
    assert releases[3] == releases[2]
    once.configure(postgresql.url("e2e_dev"), '[privacy]\npseudonym_key = "env:ROLLBOOK_PSEUDONYM_KEY"\n')
    once.environment["ROLLBOOK_PSEUDONYM_KEY"] = (hourly.folder / "data/secrets/pseudonym.key").read_text().strip()
    once.run("run", "--as-of", AS_OF["dev"])
    assert judge("same_marts.py", hourly.folder, once.folder).endswith(", 0 marts differ")
