"""Writing the generated rows into a SQLite database, in bounded memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType

from ingestion.demo.schema import PREFIX, TABLES

Row = Sequence[object]

_FLUSH_ROWS = 20_000


class Database:
    """An insert-only writer. Ids count up from 1 for each table, as Moodle's do; nothing is changed once added.

    A context manager: leaving it without an error writes what is buffered and closes the file.
    """

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        # The file is made from nothing and thrown away when making it fails, so a journal would guard nothing.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._buffers: dict[str, list[Row]] = {name: [] for name in TABLES}
        self._next_ids = dict.fromkeys(TABLES, 1)
        self._places = {
            name: {column[0]: place for place, column in enumerate(shape.columns)} for name, shape in TABLES.items()
        }
        self._defaults = {name: [column[3] for column in shape.columns] for name, shape in TABLES.items()}
        for shape in TABLES.values():
            self._connection.execute(shape.statements()[0])
        self._connection.execute("BEGIN")

    def __enter__(self) -> Database:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            for table in TABLES:
                self._flush(table)
            for shape in TABLES.values():
                for statement in shape.statements()[1:]:
                    self._connection.execute(statement)
            self._connection.execute("COMMIT")
        self._connection.close()

    def start_ids(self, table: str, first: int) -> None:
        """Let the ids of a still empty table begin at `first`."""
        self._next_ids[table] = first

    def next_id(self, table: str) -> int:
        """The id that the next added row of the table gets."""
        return self._next_ids[table]

    def reserve(self, table: str, count: int) -> int:
        """Take `count` ids for rows that go through `extend`; returns the first."""
        first = self._next_ids[table]
        self._next_ids[table] = first + count
        return first

    def add(self, table: str, **values: object) -> int:
        """Add one row and return its id: the next one, or a reserved one given as `id`.

        Columns not named get their defaults; an unknown column is a KeyError.
        """
        row = self._defaults[table].copy()
        places = self._places[table]
        for name, value in values.items():
            row[places[name]] = format(value, "f") if type(value) is Decimal else value
        row_id = row[0]
        if not isinstance(row_id, int):
            row[0] = row_id = self.reserve(table, 1)
        self._keep(table, (row,))
        return row_id

    def extend(self, table: str, rows: Iterable[Row]) -> None:
        """Add whole rows, all columns in the table's order, with ids from `reserve`."""
        self._keep(table, rows)

    def _keep(self, table: str, rows: Iterable[Row]) -> None:
        buffer = self._buffers[table]
        buffer.extend(rows)
        if len(buffer) >= _FLUSH_ROWS:
            self._flush(table)

    def _flush(self, table: str) -> None:
        buffer = self._buffers[table]
        if buffer:
            marks = ", ".join("?" * len(self._places[table]))
            self._connection.executemany(f'INSERT INTO "{PREFIX}{table}" VALUES ({marks})', buffer)
            buffer.clear()
