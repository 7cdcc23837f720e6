"""The rows of an institution as a Moodle database in SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl

from ingestion.contracts import Table
from ingestion.demo.schema import PREFIX, TABLES
from ingestion.moodle import contracts
from tests.bench.institution.world import World


class MoodleDatabase:
    """A SQLite file with the tables of the demo's Moodle. Columns that no contract reads hold their defaults."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path.resolve()}"

    def write(self, world: World) -> None:
        """Write the whole institution over what stands at the path."""
        self.path.unlink(missing_ok=True)
        with closing(self._connect()) as connection:
            for shape in TABLES.values():
                connection.execute(shape.statements()[0])
            self._put(connection, world, "site")
            for shape in TABLES.values():
                for statement in shape.statements()[1:]:
                    connection.execute(statement)
            connection.execute("analyze")

    def apply(self, world: World) -> None:
        """Bring in what the last change made."""
        with closing(self._connect()) as connection:
            self._put(connection, world, "made")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -200000"):
            connection.execute(f"pragma {pragma}")
        return connection

    def _put(self, connection: sqlite3.Connection, world: World, schema: str) -> None:
        connection.execute("begin")
        for table in tables():
            self._put_table(connection, world, table, schema)
        connection.execute("commit")

    def _put_table(self, connection: sqlite3.Connection, world: World, table: Table, schema: str) -> None:
        # What this Moodle's table lacks: columns of later releases, and one that is read from a neighbour.
        present = {name for name, _, _, _ in TABLES[table.name].columns}
        columns = [column for column in table.columns if column.name in present]
        names = ", ".join(f'"{column.name}"' for column in columns)
        marks = ", ".join("?" * len(columns))
        # SQLite holds decimals as doubles: ten and twelve digits fit exactly.
        selected = [
            pl.col(column.name).cast(pl.Float64) if column.type in ("num5", "num7") else pl.col(column.name)
            for column in columns
        ]
        statement = f'insert or replace into "{PREFIX}{table.name}" ({names}) values ({marks})'
        for frame in world.frames(table, schema):
            connection.executemany(statement, frame.select(selected).iter_rows())


def tables() -> list[Table]:
    """The contracts' tables that a Moodle of the demo's release has."""
    return [table for table in contracts().tables.values() if table.name in TABLES]
