"""Making the institution's files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingestion.demo.faults import plant
from ingestion.demo.institution import build
from ingestion.demo.world import AS_OF
from ingestion.errors import UsageError

STUDENTS = 138
ATTEMPTS = 3000
_LEAST_STUDENTS = 60
_LEAST_ATTEMPTS = 1000


@dataclass(frozen=True)
class DemoInstitution:
    """The files made. `as_of` is the moment at which the institution stands still: its database's "now"."""

    database: Path
    faults: Path
    as_of: datetime


def generate(
    folder: Path, seed: int = 7, *, students: int = STUDENTS, attempts: int = ATTEMPTS, with_faults: bool = True
) -> DemoInstitution:
    """Write `moodle.sqlite` and `faults.json` into a folder, over what stands there.

    The same arguments give the same rows. `attempts` is met where the quizzes' limits allow it. Without faults the
    list is empty. Raises UsageError when the sizes are too small to hold every situation and fault.
    """
    if students < _LEAST_STUDENTS or attempts < _LEAST_ATTEMPTS:
        raise UsageError(f"the demo needs at least {_LEAST_STUDENTS} students and {_LEAST_ATTEMPTS} attempts")
    folder.mkdir(parents=True, exist_ok=True)
    made = DemoInstitution(folder / "moodle.sqlite", folder / "faults.json", AS_OF)
    build(made.database, seed, students, attempts)
    plant(made.database, made.faults, seed, with_faults=with_faults)
    return made
