"""Great Expectations on a DuckDB file. Importing this module imports Great Expectations, which takes seconds."""

from __future__ import annotations

import builtins
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import great_expectations as gx
from great_expectations.data_context import AbstractDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine

# It logs a traceback for every expectation that it cannot evaluate; the audit reports those as results of its own.
logging.getLogger("great_expectations").setLevel(logging.CRITICAL)


class DuckDBEngine(SqlAlchemyExecutionEngine):
    """One connection for all queries: DuckDB drops a result when the connection that gave it goes back to a pool."""

    @contextmanager
    def get_connection(self) -> Iterator:
        if self._connection is None:
            self._connection = self.engine.connect()
        try:
            yield self._connection
        except Exception:
            # Else the aborted transaction fails every expectation after this one.
            self._connection.rollback()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        super().close()


class DuckDBDatasource(SQLDatasource):
    """Registers itself with Great Expectations as `data_sources.add_duckdb`."""

    type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]

    @property
    def execution_engine_type(self) -> builtins.type[SqlAlchemyExecutionEngine]:
        return DuckDBEngine


@contextmanager
def opened(database: Path) -> Iterator[DuckDBDatasource]:
    """The database as a data source that can only read; nothing holds the file afterwards."""
    context: AbstractDataContext = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_duckdb(
        "candidate",
        connection_string=f"duckdb:///{database.absolute()}",
        kwargs={"connect_args": {"read_only": True}},
        create_temp_table=False,
    )
    try:
        yield source
    finally:
        source.get_execution_engine().close()
        source.get_engine().dispose()
