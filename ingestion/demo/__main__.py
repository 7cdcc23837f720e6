"""`python -m ingestion.demo FOLDER`: make the demo institution's files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ingestion.demo.generate import ATTEMPTS, STUDENTS, generate
from ingestion.errors import RollbookError, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and generate; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ingestion.demo", description="Make a demo Moodle in SQLite.")
    parser.add_argument("folder", type=Path, help="where moodle.sqlite and faults.json go")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another institution (default 7)")
    parser.add_argument("--students", type=int, default=STUDENTS, help=f"number of students (default {STUDENTS})")
    parser.add_argument("--attempts", type=int, default=ATTEMPTS, help=f"number of attempts (default {ATTEMPTS})")
    parser.add_argument("--no-faults", action="store_true", help="leave the institution clean")
    given = parser.parse_args(arguments)
    try:
        made = generate(
            given.folder, given.seed, students=given.students, attempts=given.attempts, with_faults=not given.no_faults
        )
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    except (RollbookError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    count = len(json.loads(made.faults.read_text(encoding="utf-8")))
    print(
        f"{made.database}: as of {made.as_of:%Y-%m-%dT%H:%M:%SZ}, {count} faults planted, listed in {made.faults.name}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
