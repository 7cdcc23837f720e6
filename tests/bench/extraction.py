"""Extraction beside its limit: the bare driver reading the same rows and throwing them away."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import connectorx

from ingestion.landing import Landing
from ingestion.moodle.source import MoodleSource
from ingestion.moodle.sync import sync_moodle
from tests.servers import NotInstalledError, Server, mariadb_server, postgresql_server

SHARED = Path(os.environ.get("ROLLBOOK_SHARED", Path(__file__).resolve().parents[3] / "shared"))
STEP_COPIES = 25  # the dev site has 39,449 steps: about a million with its copies
BARE_SELECT = (
    "select id, questionattemptid, sequencenumber, cast(state as {text}) as state,"
    " cast(fraction as {text}) as fraction, timecreated, userid from mdl_question_attempt_steps"
)


@dataclass(frozen=True)
class Extraction:
    """Seconds for one table, read by the bare driver and landed by a full sync."""

    server: str
    rows: int
    bare_seconds: float
    landed_seconds: float

    @property
    def ratio(self) -> float:
        return self.landed_seconds / self.bare_seconds


def extractions() -> Iterator[Extraction]:
    """One figure for each database server that is installed here; the others are told on stderr."""
    servers: dict[str, tuple[Callable, str]] = {
        "PostgreSQL": (postgresql_server, "text"),
        "MariaDB": (mariadb_server, "char"),
    }
    for name, (start, text_type) in servers.items():
        try:
            with start() as server:
                yield from _extraction(name, server, text_type)
        except NotInstalledError as reason:
            print(f"left out: {reason}", file=sys.stderr)


def _extraction(name: str, server: Server, text_type: str) -> Iterator[Extraction]:
    dump = SHARED / "data/moodle/dev" / f"dev.{'pg' if name == 'PostgreSQL' else 'mariadb'}.sql.gz"
    if not dump.exists():
        return
    server.load("bench", dump)
    _multiply_steps(server, "bench")
    url = server.url("bench")
    with tempfile.TemporaryDirectory() as folder:
        landing = Landing(Path(folder) / "landing")
        rows, bare = _read_bare(url, text_type)
        sync_moodle(MoodleSource("bench", url), landing, Path(folder) / "state")
        entry = landing.manifest("bench", 1).streams["question_attempt_steps"]
        yield Extraction(name, rows, bare, entry.source_seconds)


def _multiply_steps(server: Server, database: str) -> None:
    """Many more question steps, each copy under ids of its own."""
    numbers = " union all ".join(f"select {n} as n" for n in range(1, STEP_COPIES))
    server.run(
        database,
        "insert into mdl_question_attempt_steps"
        " (id, questionattemptid, sequencenumber, state, fraction, timecreated, userid)"
        " select s.id + c.n * 10000000, s.questionattemptid, s.sequencenumber + c.n * 1000, s.state, s.fraction,"
        f" s.timecreated, s.userid from mdl_question_attempt_steps s cross join ({numbers}) c",
    )


def _read_bare(url: str, text_type: str) -> tuple[int, float]:
    started = time.perf_counter()
    reader = connectorx.read_sql(url, BARE_SELECT.format(text=text_type), return_type="arrow_stream", batch_size=50_000)
    rows = sum(batch.num_rows for batch in reader)
    return rows, time.perf_counter() - started
