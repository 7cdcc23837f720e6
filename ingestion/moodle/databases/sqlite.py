"""SQLite: demonstration institutions and tests. One read transaction on one read-only connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import polars as pl

from ingestion.errors import SourceError
from ingestion.moodle.databases.arrow import failure
from ingestion.moodle.source import MoodleSource

_COLUMNS = """
select m.name, c.name, c.type from sqlite_master as m, pragma_table_info(m.name) as c
where m.type in ('table', 'view') order by m.name, c.cid
"""


class SQLite:
    """A SQLite database file, opened so that nothing can be written."""

    has_shared_snapshot = True

    def __init__(self, source: MoodleSource) -> None:
        self._source = source
        self._path = Path(source.address.database)

    def _connect(self) -> sqlite3.Connection:
        if not self._path.is_file():
            raise SourceError(f"Source {self._source.name} cannot be read: its SQLite file does not exist.")
        connection = sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True, isolation_level=None)
        # A value that is no text in a text column must not end the read: it comes as it stands.
        connection.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
        return connection

    @contextmanager
    def snapshot(self) -> Iterator[SQLiteSnapshot]:
        try:
            with closing(self._connect()) as connection:
                connection.execute("begin")
                connection.execute("select count(*) from sqlite_master").fetchone()  # takes the read lock
                yield SQLiteSnapshot(self._source, connection, datetime.now(UTC))
        except sqlite3.Error as error:
            raise failure(self._source, error) from None

    def can_write(self) -> bool:
        return False

    def version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"


class SQLiteSnapshot:
    """One read transaction. A file has no clock of its own: the machine's stands in."""

    dialect = "sqlite"

    def __init__(self, source: MoodleSource, connection: sqlite3.Connection, clock: datetime) -> None:
        self._source = source
        self._connection = connection
        self.clock = clock

    def columns(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for table, column, data_type in self._connection.execute(_COLUMNS):
            found.setdefault(table, {})[column] = data_type
        return found

    def read(self, sql: str, *, bulk: bool = False) -> Iterator[pl.DataFrame]:
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            schema = {column[0]: pl.String() for column in cursor.description}
            while rows := cursor.fetchmany(self._source.batch_rows):
                yield pl.DataFrame(rows, schema=schema, orient="row")

    def scans(self, sql: str) -> dict[str, str]:
        steps = [str(row[3]) for row in self._connection.execute(f"explain query plan {sql}")]
        scans = [step for step in steps if step.startswith("SCAN ")]
        return {step.removeprefix("SCAN ").removeprefix("TABLE ").split()[0]: step for step in scans}
