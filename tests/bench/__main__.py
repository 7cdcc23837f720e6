"""Speed beside its limits: `make bench`. Prints one table; every ratio is of two figures from this very run.

Extraction is held against the bare driver reading the same rows and throwing them away. The steps of the pipeline are
timed as processes of their own, with their peak memory.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import connectorx
from rich.console import Console
from rich.table import Table as RichTable

from ingestion.landing import Landing
from ingestion.moodle.source import MoodleSource
from ingestion.moodle.sync import sync_moodle
from tests.bench.steps import StepTiming, time_steps
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


def multiply_steps(server: Server, database: str) -> None:
    """Many more question steps, each copy under ids of its own."""
    numbers = " union all ".join(f"select {n} as n" for n in range(1, STEP_COPIES))
    server.run(
        database,
        "insert into mdl_question_attempt_steps"
        " (id, questionattemptid, sequencenumber, state, fraction, timecreated, userid)"
        " select s.id + c.n * 10000000, s.questionattemptid, s.sequencenumber + c.n * 1000, s.state, s.fraction,"
        f" s.timecreated, s.userid from mdl_question_attempt_steps s cross join ({numbers}) c",
    )


def read_bare(url: str, text_type: str) -> tuple[int, float]:
    started = time.perf_counter()
    reader = connectorx.read_sql(url, BARE_SELECT.format(text=text_type), return_type="arrow_stream", batch_size=50_000)
    rows = sum(batch.num_rows for batch in reader)
    return rows, time.perf_counter() - started


def extraction(name: str, server: Server, text_type: str) -> Iterator[Extraction]:
    dump = SHARED / "data/moodle/dev" / f"dev.{'pg' if name == 'PostgreSQL' else 'mariadb'}.sql.gz"
    if not dump.exists():
        return
    server.load("bench", dump)
    multiply_steps(server, "bench")
    url = server.url("bench")
    with tempfile.TemporaryDirectory() as folder:
        landing = Landing(Path(folder) / "landing")
        rows, bare = read_bare(url, text_type)
        sync_moodle(MoodleSource("bench", url), landing, Path(folder) / "state")
        entry = landing.manifest("bench", 1).streams["question_attempt_steps"]
        yield Extraction(name, rows, bare, entry.source_seconds)


def extractions() -> Iterator[Extraction]:
    servers: dict[str, tuple[Callable, str]] = {
        "PostgreSQL": (postgresql_server, "text"),
        "MariaDB": (mariadb_server, "char"),
    }
    for name, (start, text_type) in servers.items():
        try:
            with start() as server:
                yield from extraction(name, server, text_type)
        except NotInstalledError as reason:
            print(f"left out: {reason}", file=sys.stderr)


def show(extracted: list[Extraction], steps: list[StepTiming]) -> None:
    console = Console()
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    table = RichTable("extraction of question steps", "rows", "bare driver", "landed", "rows/s landed", "ratio")
    for e in extracted:
        table.add_row(
            e.server, f"{e.rows:,}", f"{e.bare_seconds:.2f} s", f"{e.landed_seconds:.2f} s",
            f"{e.rows / e.landed_seconds:,.0f}", f"{e.ratio:.2f}",
        )  # fmt: skip
    console.print(table)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(f"peak memory of the process that read and landed: {held:,.0f} MB")
    table = RichTable("step", "seconds", "CPU seconds", "peak memory, MB")
    for step in steps:
        table.add_row(step.name, f"{step.seconds:.1f}", f"{step.cpu_seconds:.1f}", f"{step.peak_megabytes:,.0f}")
    console.print(table)


if __name__ == "__main__":
    show(list(extractions()), time_steps())
