"""A command of the pipeline as a process of its own: seconds for each of its steps, processor time, peak memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What the command tells on stderr when a step begins, and when the last one has ended.
_BEGINS = re.compile(r"^\S+Z (sync|load|build|audit|release)( \w+)?$")
_ENDS = re.compile(r"^\S+Z (release \d+ is live|nothing differs)")


@dataclass(frozen=True)
class Timing:
    """Elapsed seconds, processor seconds, the most memory that one of its processes held, and seconds by step.

    The step `start` is everything before the first step, `end` everything after the last.
    """

    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    steps: dict[str, float] = field(default_factory=dict)


def timed(config: Path, *arguments: str) -> Timing:
    """Run `rollbook` with these arguments to its end. Raises RuntimeError with what it said when it fails."""
    command = [sys.executable, "-m", "orchestration.cli", "--config", str(config), *arguments]
    said: list[str] = []
    started = at = time.perf_counter()
    step = "start"
    steps: dict[str, float] = {}
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(
            command, stdout=output, stderr=subprocess.PIPE, text=True, cwd=config.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as process,
    ):  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            begins = _BEGINS.match(line)
            if begins or _ENDS.match(line):
                now = time.perf_counter()
                steps[step] = steps.get(step, 0.0) + now - at
                step, at = begins[1] if begins else "end", now
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    ended = time.perf_counter()
    steps[step] = steps.get(step, 0.0) + ended - at
    if process.returncode:
        raise RuntimeError(f"rollbook {' '.join(arguments)} ended with {process.returncode}: {''.join(said)[-2000:]}")
    return Timing(ended - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, steps)
