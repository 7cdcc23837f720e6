"""PostgreSQL: one exported snapshot, held open by a keeper connection, seen by every Arrow stream."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import quote

import polars as pl
import psycopg

from ingestion.moodle.databases.arrow import failure, stream
from ingestion.moodle.source import MoodleSource

_COLUMNS = """
select table_name, column_name, data_type from information_schema.columns
where table_schema = any (current_schemas(false)) order by table_name, ordinal_position
"""
# A sequential scan in EXPLAIN's text: the table, then its alias where it has one.
_SCAN = re.compile(r'Seq Scan on "?(\w+)"?(?: "?(\w+)"?)?')


class PostgreSQL:
    """A PostgreSQL database. Sessions are read-only and begin at one exported snapshot."""

    has_shared_snapshot = True

    def __init__(self, source: MoodleSource) -> None:
        self._source = source
        self._address = source.address

    def _connect(self) -> psycopg.Connection:
        address = self._address
        try:
            return psycopg.connect(
                host=address.host,
                port=address.port or 5432,
                dbname=address.database,
                user=address.user,
                password=address.password,
                connect_timeout=10,
                application_name="rollbook",
                options="-c default_transaction_read_only=on -c idle_in_transaction_session_timeout=0",
                autocommit=True,
            )
        except psycopg.Error as error:
            raise failure(self._source, error) from None

    @contextmanager
    def snapshot(self) -> Iterator[PostgreSQLSnapshot]:
        with self._connect() as keeper:
            try:
                keeper.execute("begin isolation level repeatable read read only")
                row = keeper.execute("select pg_export_snapshot(), extract(epoch from clock_timestamp())").fetchone()
            except psycopg.Error as error:
                raise failure(self._source, error) from None
            assert row is not None
            yield PostgreSQLSnapshot(self._source, keeper, row[0], datetime.fromtimestamp(float(row[1]), UTC))

    def can_write(self) -> bool:
        table = f"{self._source.prefix}quiz_grades"
        with self._connect() as connection:
            row = connection.execute(
                "select has_table_privilege(current_user, to_regclass(%(table)s), 'INSERT, UPDATE, DELETE, TRUNCATE')",
                {"table": table},
            ).fetchone()
        return bool(row and row[0])

    def version(self) -> str:
        with self._connect() as connection:
            return f"PostgreSQL {connection.info.parameter_status('server_version')}"


class PostgreSQLSnapshot:
    """The exported snapshot and the connection that keeps it alive."""

    dialect = "postgresql"

    def __init__(self, source: MoodleSource, keeper: psycopg.Connection, snapshot_id: str, clock: datetime) -> None:
        self._source = source
        self._keeper = keeper
        self._snapshot_id = snapshot_id
        self.clock = clock

    def columns(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for table, column, data_type in self._keeper.execute(_COLUMNS):
            found.setdefault(table, {})[column] = data_type
        return found

    def read(self, sql: str, *, bulk: bool = False) -> Iterator[pl.DataFrame]:
        address = self._source.address
        account = quote(address.user or "", safe="")
        if address.password:
            account += ":" + quote(address.password, safe="")
        url = f"postgresql://{account}@{address.host}:{address.port or 5432}/{quote(address.database, safe='')}"
        before = [
            "begin isolation level repeatable read read only",
            f"set transaction snapshot '{self._snapshot_id}'",
            f"set local statement_timeout = '{self._source.statement_timeout_seconds}s'",
        ]
        return stream(self._source, url, sql, before)

    def scans(self, sql: str) -> dict[str, str]:
        try:
            lines = [str(row[0]) for row in self._keeper.execute(f"explain {sql}".encode())]
        except psycopg.Error as error:
            raise failure(self._source, error) from None
        found = ((_SCAN.search(line), line) for line in lines)
        return {match[2] or match[1]: line.strip(" ->") for match, line in found if match}
