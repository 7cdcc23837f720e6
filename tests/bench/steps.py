"""The pipeline's steps on a demonstration institution, each as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ingestion.demo import generate

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class StepTiming:
    """Elapsed and processor seconds of a command, and the largest memory that any of its processes held."""

    name: str
    seconds: float
    cpu_seconds: float
    peak_megabytes: float


def time_steps() -> list[StepTiming]:
    """sync, build, audit, release, then a whole run without news."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        institution = generate(home / "institution")
        (home / "rollbook.toml").write_text(
            f'[paths]\ndata_dir = "data"\n[sources.campus]\nkind = "moodle"\nurl = "sqlite:///{institution.database}"\n'
        )
        commands = [["sync"], ["build"], ["audit"], ["release"], ["run"], ["status"]]
        names = ["sync", "build", "audit", "release", "run without news", "status"]
        as_of = institution.as_of.isoformat()
        return [
            _timed(name, home, [*command, *(["--as-of", as_of] if command[0] in ("sync", "run") else [])])
            for name, command in zip(names, commands, strict=True)
        ]


def _timed(name: str, home: Path, arguments: list[str]) -> StepTiming:
    command = [sys.executable, "-m", "orchestration.cli", "--config", str(home / "rollbook.toml"), *arguments]
    measured = (
        "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]);"
        "u = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print('MEASURED', u.ru_utime + u.ru_stime, u.ru_maxrss); sys.exit(code)"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", measured, *command],
        capture_output=True, text=True, cwd="/", env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr[-2000:]}")
    _, cpu, peak = done.stdout.strip().splitlines()[-1].split()
    return StepTiming(name, seconds, float(cpu), float(peak) / 1024)
