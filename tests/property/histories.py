"""Random histories, cut into random syncs, held against one clean sync of their end.

A history is a list of events and syncs. It is played twice on the same institution: once with its syncs as they stand,
each followed by a load and a build by touched keys, and once with a single sync of the end and a whole build. What the
two leave behind must be equal: landed rows, marts, identities. A third warehouse, built whole from the batches of the
first, must equal them too: marts are made of landed rows alone, so those are compared.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from hypothesis import strategies as st

from ingestion.landing import Landing
from ingestion.moodle import contracts
from ingestion.moodle.databases import sqlite
from ingestion.moodle.source import MoodleSource
from ingestion.moodle.sync import sync_moodle
from tests.property.events import EVENTS, Event, happen
from tests.property.institution import Institution
from tests.property.packages import found_packages
from tests.property.replay import Models, Warehouse, differences

SYNCS = ("sync", "sync", "sync", "full", "reconcile", "twice", "unbuilt")
"""sync: as the source asks for. twice: and again at once. unbuilt: loaded, but the build did not happen."""

# What happens at a site in one transaction, after which its clock moves.
Step = Callable[[Institution], None]

numbers = st.integers(0, 1000)
events = st.tuples(st.sampled_from(sorted(EVENTS)), numbers, numbers, numbers)
syncs = st.tuples(st.sampled_from(SYNCS), st.just(0), st.just(0), st.just(0))
histories = st.lists(st.one_of(events, events, events, events, syncs), min_size=1, max_size=24)


@dataclass
class Machine:
    """Two warehouses in memory and a folder, made once and emptied for each history."""

    models: Models
    folder: Path
    one: Warehouse = field(init=False)
    other: Warehouse = field(init=False)

    def __post_init__(self) -> None:
        self.one, self.other = Warehouse(self.models), Warehouse(self.models)
        self._founded = self.folder / "founded.sqlite"
        site = Institution(self._founded)
        site.connection.execute("begin")
        found_packages(site)
        site.connection.execute("commit")
        site.connection.close()

    def play(self, history: Sequence[Event]) -> None:
        """Play a history both ways; raises AssertionError with the rows that differ."""
        self.live([partial(happen, event=event) if event[0] in EVENTS else event[0] for event in history])

    def live(self, steps: Sequence[Step | str]) -> None:
        """The same for any steps of a site's life, with kinds of syncs between them; `one` holds what came of it."""
        for name in ("landing", "state", "clean", "clean_state"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self.one.empty()
        self.other.empty()
        site = self._institution()
        try:
            for step in (*steps, "sync"):
                if isinstance(step, str):
                    self._sync(site, step)
                else:
                    step(site)
            self.one.build()
            self._hold_against_a_clean_sync(site)
            self._hold_against_a_rebuild()
        finally:
            site.connection.close()

    def _institution(self) -> Institution:
        path = self.folder / "moodle.sqlite"
        shutil.copyfile(self._founded, path)
        return Institution.reopened(path)

    def _sync(self, site: Institution, kind: str) -> None:
        for _ in range(2 if kind == "twice" else 1):
            self._read(site, "landing", "state", full=kind == "full", reconcile=kind == "reconcile")
        report = self.one.load(Landing(self.folder / "landing"))
        if kind != "unbuilt" and (report.needs_build or self.one.has_touched()):
            self.one.build(all_tables=False)

    def _read(self, site: Institution, landing: str, state: str, *, full: bool, reconcile: bool = False) -> None:
        with clock_at(site.clock):
            sync_moodle(
                MoodleSource("campus", site.url),
                Landing(self.folder / landing),
                self.folder / state,
                mode="full" if full else "auto",
                reconcile=reconcile,
            )

    def _hold_against_a_clean_sync(self, site: Institution) -> None:
        self._read(site, "clean", "clean_state", full=True)
        self.other.load(Landing(self.folder / "clean"))
        self.other.build(whole=True)
        landed = [f"(select * exclude (_batch_id) from landing.{name})" for name in _tables()]
        assert self._differences([*landed, *_OF_ALL_SOURCES]) == {}, "landed rows differ from those of a clean sync"
        assert self._differences(self.models.marts) == {}, "marts differ from those of a clean sync"

    def _hold_against_a_rebuild(self) -> None:
        """The batches, applied at once, give the very same landed tables, and those gave the very same marts."""
        self.other.empty()
        self.other.load(Landing(self.folder / "landing"))
        landed = [f"{schema}.{name}" for schema in ("landing", "history") for name in _tables()]
        assert self._differences([*landed, *_OF_ALL_SOURCES, "landing.batches"]) == {}, (
            "a rebuild has other landed rows"
        )
        balance = "received = accepted + duplicate + ignored + quarantined"
        assert self.one.rows(f"select * from landing.batches where not ({balance})") == [], "a ledger does not add up"

    def _differences(self, tables: Sequence[str]) -> dict[str, list[tuple[object, ...]]]:
        return differences(self.one, self.other, tables)


# A clean sync has another batch id; its clock and its accounts are the same.
_OF_ALL_SOURCES = ("(select * exclude (batch_id) from landing.sources)", "landing.control", "landing.user_keys")


def _tables() -> Iterator[str]:
    for stream in contracts().streams:
        yield f"moodle_{stream.name}"


@contextmanager
def clock_at(seconds: int) -> Iterator[None]:
    """Set the clock that SQLite sources go by."""
    real = sqlite.datetime
    sqlite.datetime = SimpleNamespace(now=lambda zone: datetime.fromtimestamp(seconds, UTC))  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        sqlite.datetime = real  # type: ignore[misc]
