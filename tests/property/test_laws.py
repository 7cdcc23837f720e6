"""The two standing laws on random histories: incremental equals whole, and no cut into syncs shows in the marts."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.property.events import Event
from tests.property.histories import Machine, histories

SHARDS = range(2)
HISTORIES = int(os.environ.get("ROLLBOOK_HISTORIES", "200"))
# One seed for every run of the suite, so that a failure is the change's; `make prove` draws new ones and prints them.
SEED = int(os.environ.get("ROLLBOOK_SEED", "20261125"))


@pytest.mark.parametrize("shard", SHARDS)
def test_no_cut_of_a_history_into_syncs_shows_in_the_marts(machine: Machine, shard: int) -> None:
    print(f"seed {SEED + shard}, {HISTORIES // len(SHARDS)} histories")

    @seed(SEED + shard)
    @settings(
        max_examples=HISTORIES // len(SHARDS),
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(histories)
    def hold(history: list[Event]) -> None:
        machine.play(history)

    hold()
