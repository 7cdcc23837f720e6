"""The candidate: the warehouse as the build left it, opened so that nothing can be written to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import polars as pl

from serving.audit.report import records
from serving.errors import ServingError

# Table with schema -> columns that somebody relies on.
Needs: TypeAlias = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Candidate:
    """A warehouse that is open for reading."""

    connection: duckdb.DuckDBPyConnection

    @cached_property
    def tables(self) -> dict[str, frozenset[str]]:
        """The columns of every table and view, by `schema.name`."""
        found: dict[str, set[str]] = {}
        for table, column in self.connection.execute(
            "select table_schema || '.' || table_name, column_name from information_schema.columns"
        ).fetchall():
            found.setdefault(table, set()).add(column)
        return {table: frozenset(columns) for table, columns in found.items()}

    def lacks(self, needs: Needs) -> dict[str, list[str]]:
        """Which of the needed columns are not there, by table; for a table that is not there, all of them."""
        missing = {
            table: [column for column in columns if column not in self.tables.get(table, frozenset())]
            for table, columns in needs.items()
        }
        return {table: columns for table, columns in missing.items() if columns or table not in self.tables}

    def records(self, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query. Raises duckdb.Error."""
        cursor = self.connection.execute(query, list(parameters))
        return records([column[0] for column in cursor.description or ()], cursor.fetchall())

    def frame(self, query: str) -> pl.DataFrame:
        """The rows of a query as a Polars frame. Raises duckdb.Error."""
        return self.connection.sql(query).pl()

    def count(self, query: str) -> int:
        """The one number that a query gives. Raises duckdb.Error."""
        row = self.connection.execute(query).fetchone()
        return int(row[0]) if row and row[0] is not None else 0


@contextmanager
def opened(warehouse: Path) -> Iterator[Candidate]:
    """The candidate, closed afterwards. Raises ServingError when there is no warehouse or somebody writes to it."""
    if not warehouse.is_file():
        raise ServingError(f"There is no warehouse to audit: {warehouse} is missing; run `rollbook build` first.")
    try:
        connection = duckdb.connect(str(warehouse), read_only=True)
    except duckdb.Error as error:
        raise ServingError(f"The warehouse {warehouse} cannot be opened for the audit: {str(error).strip()}") from error
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield Candidate(connection)
    finally:
        connection.close()
