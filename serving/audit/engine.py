"""Great Expectations on a DuckDB file. Importing this module imports Great Expectations, which takes seconds.

A third of that time went into scipy.stats, which it imports for expectations on distributions; no law here is one.
The module stays on the shelf: as a lazy one it is loaded by the first look into it.
"""

from __future__ import annotations

import builtins
import importlib.util
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal


def _defer(name: str) -> None:
    """Let a module that nobody has imported yet be loaded when it is first used."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


_defer("scipy.stats")

import great_expectations as gx  # noqa: E402
from great_expectations.data_context import AbstractDataContext  # noqa: E402
from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: E402
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource  # noqa: E402
from great_expectations.execution_engine import SqlAlchemyExecutionEngine  # noqa: E402

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
def opened(database: Path, tables: Mapping[str, str]) -> Iterator[DuckDBDatasource]:
    """The database as a data source that can only read; nothing holds the file afterwards.

    `tables` maps names to queries: their results stand beside the database's tables while it is open.
    """
    context: AbstractDataContext = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_duckdb(
        "candidate",
        connection_string=f"duckdb:///{database.absolute()}",
        kwargs={"connect_args": {"read_only": True}},
        create_temp_table=False,
    )
    try:
        with source.get_execution_engine().get_connection() as connection:
            for name, query in tables.items():
                connection.exec_driver_sql(f"create temp table {name} as {query}")
        yield source
    finally:
        source.get_execution_engine().close()
        source.get_engine().dispose()
