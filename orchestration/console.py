"""What the commands write: results on stdout, progress and complaints on stderr, plain where there is no terminal."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orchestration import progress
from orchestration.secrets import RedactingFilter, redact

if TYPE_CHECKING:
    from rich.status import Status


class TerminalProgress:
    """One line that moves, and a line that stays for each thing done."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._status: Status = self._console.status("starting")
        self._step, self._nodes = "", 0

    def __enter__(self) -> TerminalProgress:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def step(self, name: str) -> None:
        self._step, self._nodes = name, 0
        self._status.update(name)

    def rows(self, source: str, table: str, rows: int) -> None:
        self._status.update(f"sync {source}: {table} {rows:,} rows")

    def node(self, text: str) -> None:
        self._nodes += 1
        self._status.update(f"{self._step}: {self._nodes} tables, {text}")

    def note(self, text: str) -> None:
        self._console.print(redact(text), markup=False)


@contextmanager
def telling_progress() -> Iterator[None]:
    """Show progress on a terminal, write plain log lines otherwise."""
    if sys.stderr.isatty():
        with TerminalProgress() as shown, progress.telling(shown):
            yield
    else:
        with progress.telling(progress.LogProgress()):
            yield


def set_up_logging() -> None:
    """Our own lines from INFO on, those of libraries from ERROR on; no handler writes a resolved secret."""
    handler = logging.StreamHandler()
    lines = logging.Formatter("%(asctime)sZ %(message)s", datefmt="%Y-%m-%dT%H:%M:%S")
    lines.converter = time.gmtime
    handler.setFormatter(lines)
    # Some libraries set their own loggers' levels when they are imported.
    handler.addFilter(lambda record: record.name == "rollbook" or record.levelno >= logging.ERROR)
    handler.addFilter(RedactingFilter())
    logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)
    logging.getLogger("rollbook").setLevel(logging.INFO)
    logging.getLogger("dagster").setLevel(logging.CRITICAL)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on stdout: drawn on a terminal, tab-separated otherwise."""
    if not sys.stdout.isatty():
        print("\t".join(columns))
        for row in rows:
            print("\t".join("" if value is None else str(value) for value in row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    Console(highlight=False).print(table, markup=False)


def complain(sentence: str) -> None:
    """One sentence on stderr."""
    print(redact(sentence), file=sys.stderr)
