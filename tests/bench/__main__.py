"""Speed beside its limits: `make bench`. Every ratio is of two figures from one run, on one machine.

    python -m tests.bench                                   a quick look: a small history, no database servers
    python -m tests.bench --attempts 100000 --attempts 1000000 --source postgresql --extraction    `make bench`

Prints tables, and writes them with machine, date and load as JSON. Quiet machines only give figures to keep: the load
average before and after is part of both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.extraction import Extraction, extractions
from tests.bench.scale import Scale, measure
from tests.bench.targets import verdicts
from tests.servers import NotInstalledError

_STEPS = ("start", "sync", "load", "build", "audit", "release", "end")


def _show_scales(console: Console, scales: list[Scale]) -> None:
    table = Table(
        "run",
        "attempts",
        "seconds",
        "CPU s",
        *_STEPS,
        "peak MB",
        title=f"runs of rollbook on {scales[0].source}, seconds by step",
    )
    for scale in scales:
        runs = {"first": scale.first_run, f"{scale.changed:,} changed": scale.change, "no news": scale.nothing}
        for name, run in runs.items():
            steps = [f"{run.steps[step]:.1f}" if step in run.steps else "" for step in _STEPS]
            table.add_row(
                name, f"{scale.attempts:,}", f"{run.seconds:.1f}", f"{run.cpu_seconds:.1f}", *steps,
                f"{run.peak_megabytes:,.0f}",
            )  # fmt: skip
    console.print(table)
    table = Table("attempts", "steps", "by hand", "models, summed", "ratio", "slowest models", title="full build")
    for scale in scales:
        slowest = ", ".join(f"{name} {seconds:.1f}" for name, seconds in list(scale.slowest_models.items())[:4])
        table.add_row(
            f"{scale.attempts:,}", f"{scale.steps:,}", f"{scale.limit_seconds:.1f} s", f"{scale.model_seconds:.1f} s",
            f"{scale.build_ratio:.1f}", slowest,
        )  # fmt: skip
    console.print(table)


def _show_extractions(console: Console, extracted: list[Extraction]) -> None:
    table = Table("server", "rows", "bare driver", "landed", "rows/s", "ratio", title="extraction of question steps")
    for e in extracted:
        table.add_row(
            e.server, f"{e.rows:,}", f"{e.bare_seconds:.2f} s", f"{e.landed_seconds:.2f} s",
            f"{e.rows / e.landed_seconds:,.0f}", f"{e.ratio:.2f}",
        )  # fmt: skip
    console.print(table)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(f"peak memory of the process that read and landed: {held:,.0f} MB")


def _machine() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gigabytes": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("duckdb", "dbt-core", "polars", "dagster")},
        "load_before": os.getloadavg(),
    }


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def _measure(attempts: int, changed: int, folder: Path | None, source: str) -> Scale:
    try:
        return measure(attempts, changed, folder, source=source, tell=_tell)
    except NotInstalledError as reason:
        _tell(f"{reason}: SQLite stands in, whose sync is slower")
        return measure(attempts, changed, folder, tell=_tell)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--attempts", type=int, action="append", help="quiz attempts of a history; may be repeated")
    parser.add_argument(
        "--changed", type=int, default=None, help="attempts that change (default 10,000, less in small)"
    )
    parser.add_argument(
        "--source", choices=("sqlite", "postgresql"), default="sqlite", help="where Moodle's tables are"
    )
    parser.add_argument("--extraction", action="store_true", help="also hold extraction against the bare driver")
    parser.add_argument("--folder", type=Path, help="keep the institutions and warehouses here")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go")
    given = parser.parse_args()
    machine, scales = _machine(), []
    # Before the histories: this process then has held nothing else.
    extracted = list(extractions()) if given.extraction else []
    for attempts in given.attempts or [10_000]:
        folder = given.folder and given.folder / str(attempts)
        changed = given.changed or min(10_000, attempts // 10)
        scales.append(_measure(attempts, changed, folder, given.source))
    console = Console(width=150 if not sys.stdout.isatty() else None)
    machine["load_after"] = os.getloadavg()
    console.print(
        f"{machine['cores']} cores, {machine['memory_gigabytes']} GB, Python {machine['python']}, {machine['at']}, "
        f"load average {machine['load_before'][0]:.1f} before, {machine['load_after'][0]:.1f} after"
    )
    if extracted:
        _show_extractions(console, extracted)
    _show_scales(console, scales)
    reached = verdicts(scales, extracted)
    table = Table("target", "limit", "measured", "", title="targets")
    for verdict in reached:
        table.add_row(verdict.target, verdict.limit, verdict.measured, "met" if verdict.is_met else "MISSED")
    console.print(table)
    figures = {
        "machine": machine,
        "extraction": [asdict(e) for e in extracted],
        "scales": [asdict(scale) for scale in scales],
        "targets": [asdict(verdict) for verdict in reached],
    }
    given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
