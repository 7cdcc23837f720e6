"""Databases that a Moodle site can live in, behind one face.

A `Database` is opened for reading only and gives `Snapshot`s: one point in time over all tables, read in
bounded frames, with the database's own clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

import polars as pl

from ingestion.moodle.source import MoodleSource


class Snapshot(Protocol):
    """One point in time of a database."""

    dialect: str
    clock: datetime

    def columns(self) -> dict[str, dict[str, str]]:
        """Every table that can be seen, by its full name: its columns and their types in the database's words."""

    def read(self, sql: str, *, bulk: bool = False) -> Iterator[pl.DataFrame]:
        """The rows of a query in frames of bounded size. Integers come as Int64, all else as String or Float64.

        `bulk` allows a faster way that gives one point in time for each query only, where the database cannot share
        a snapshot between connections (`Database.has_shared_snapshot`).
        """

    def scans(self, sql: str) -> dict[str, str]:
        """Which tables the database would read from end to end to answer a query, by the alias or else the name that
        the query gives them, each with the line of the query plan that says so. The query is not run."""


class Database(Protocol):
    """A database that is only read. Every failure is a SourceError or UsageError without a secret."""

    has_shared_snapshot: bool

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """All reads inside see one point in time, those in bulk aside."""

    def can_write(self) -> bool:
        """Whether the account could change Moodle's tables, were the session not read-only."""

    def version(self) -> str:
        """The server's own name and version."""


def open_database(source: MoodleSource) -> Database:
    """The database of a source, not yet connected."""
    if source.dialect == "postgresql":
        from ingestion.moodle.databases.postgresql import PostgreSQL

        return PostgreSQL(source)
    if source.dialect == "mysql":
        from ingestion.moodle.databases.mysql import MySQL

        return MySQL(source)
    from ingestion.moodle.databases.sqlite import SQLite

    return SQLite(source)
