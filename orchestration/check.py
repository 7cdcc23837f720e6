"""`python -m orchestration.check`: does dbt parse, and do all definitions load? Exit code 1 when not."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from orchestration.settings import load_settings

_CONFIG = """\
[sources.campus]
kind = "moodle"
url = "env:MOODLE_URL"
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "rollbook.toml"
        config.write_text(_CONFIG, encoding="utf-8")
        from orchestration.definitions import define
        from orchestration.jobs import HOURLY, REBUILD, RECONCILE

        definitions = define(load_settings(config))
        for job in (HOURLY, RECONCILE, REBUILD):
            steps = [node.name for node in definitions.resolve_job_def(job).nodes]
            print(f"{job}: {', '.join(sorted(steps))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
