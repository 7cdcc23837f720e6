"""Who is told how far a command or a run has come. Steps tell `current()`; the command line decides who listens."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

logger = logging.getLogger("rollbook")


class Progress(Protocol):
    def step(self, name: str) -> None:
        """A step of the pipeline begins."""

    def rows(self, source: str, table: str, rows: int) -> None:
        """So many rows of a table were read so far."""

    def node(self, text: str) -> None:
        """dbt has finished with one table."""

    def note(self, text: str) -> None:
        """Something worth keeping on the screen."""


class LogProgress:
    """One plain line a step; what goes on inside a step is left out."""

    def step(self, name: str) -> None:
        logger.info(name)

    def rows(self, source: str, table: str, rows: int) -> None:
        pass

    def node(self, text: str) -> None:
        pass

    def note(self, text: str) -> None:
        logger.info(text)


_current: ContextVar[Progress] = ContextVar("progress")


def current() -> Progress:
    return _current.get(LogProgress())


@contextmanager
def telling(progress: Progress) -> Iterator[None]:
    """Let this listener hear the steps inside."""
    token = _current.set(progress)
    try:
        yield
    finally:
        _current.reset(token)
