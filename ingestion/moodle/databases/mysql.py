"""MariaDB and MySQL: no shared snapshots, so one transaction on one connection, or fast streams table by table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import quote

import polars as pl
import pymysql
from pymysql.cursors import DictCursor, SSCursor

from ingestion.moodle.databases.arrow import failure, stream
from ingestion.moodle.source import MoodleSource

_COLUMNS = """
select table_name, column_name, data_type from information_schema.columns
where table_schema = database() order by table_name, ordinal_position
"""
_INTEGER_TYPES = {1, 2, 3, 8, 9, 13}  # TINY, SHORT, LONG, LONGLONG, INT24, YEAR
_FLOAT_TYPES = {4, 5}  # FLOAT, DOUBLE
_PLAN = ("table", "type", "key", "rows", "extra")


class MySQL:
    """A MariaDB or MySQL database. Sessions are read-only."""

    has_shared_snapshot = False

    def __init__(self, source: MoodleSource) -> None:
        self._source = source
        self._address = source.address

    def _connect(self) -> pymysql.Connection:
        address = self._address
        try:
            return pymysql.connect(
                host=address.host,
                port=address.port or 3306,
                database=address.database,
                user=address.user,
                password=address.password or "",
                charset="utf8mb4",
                connect_timeout=10,
                autocommit=True,
            )
        except pymysql.MySQLError as error:
            raise failure(self._source, error) from None

    @contextmanager
    def snapshot(self) -> Iterator[MySQLSnapshot]:
        connection = self._connect()
        try:
            with connection.cursor() as cursor:
                is_mariadb = "MariaDB" in _single(cursor, "select version()")
                cursor.execute("set session transaction read only")
                cursor.execute("set session transaction isolation level repeatable read")
                cursor.execute(timeout_setting(is_mariadb, self._source.statement_timeout_seconds))
                cursor.execute("start transaction with consistent snapshot, read only")
                clock = datetime.fromtimestamp(float(_single(cursor, "select unix_timestamp(now(6))")), UTC)
            yield MySQLSnapshot(self._source, connection, clock, is_mariadb)
        except pymysql.MySQLError as error:
            raise failure(self._source, error) from None
        finally:
            connection.close()

    def can_write(self) -> bool:
        database = self._address.database
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute("show grants for current_user()")
            grants = [row[0] for row in cursor.fetchall()]
        pattern = re.compile(r"\b(ALL PRIVILEGES|INSERT|UPDATE|DELETE|DROP|ALTER)\b.* ON (\*\.\*|`?([^`.]+)`?\.)", re.I)
        matches = (pattern.search(grant) for grant in grants)
        return any(m and (m[2] == "*.*" or m[3].replace("\\", "").lower() == database.lower()) for m in matches)

    def version(self) -> str:
        with self._connect() as connection, connection.cursor() as cursor:
            version = _single(cursor, "select version()")
        return f"MariaDB {version}" if "MariaDB" in version else f"MySQL {version}"


def _single(cursor: pymysql.cursors.Cursor, sql: str) -> str:
    """The one value of a query, as text."""
    cursor.execute(sql)
    row = cursor.fetchone()
    assert row is not None
    return str(row[0])


def timeout_setting(is_mariadb: bool, seconds: int) -> str:
    """The statement that bounds every later query of the session; the two servers count in different units."""
    if is_mariadb:
        return f"set session max_statement_time = {seconds}"
    return f"set session max_execution_time = {seconds * 1000}"


class MySQLSnapshot:
    """One transaction on one connection; in bulk, one consistent stream a table on connections of their own."""

    dialect = "mysql"

    def __init__(self, source: MoodleSource, connection: pymysql.Connection, clock: datetime, is_mariadb: bool) -> None:
        self._source = source
        self._connection = connection
        self._is_mariadb = is_mariadb
        self.clock = clock

    def columns(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        with self._connection.cursor() as cursor:
            cursor.execute(_COLUMNS)
            for table, column, data_type in cursor.fetchall():
                found.setdefault(table, {})[column] = data_type
        return found

    def read(self, sql: str, *, bulk: bool = False) -> Iterator[pl.DataFrame]:
        return self._read_stream(sql) if bulk else self._read_here(sql)

    def _read_stream(self, sql: str) -> Iterator[pl.DataFrame]:
        address = self._source.address
        account = quote(address.user or "", safe="")
        if address.password:
            account += ":" + quote(address.password, safe="")
        url = f"mysql://{account}@{address.host}:{address.port or 3306}/{quote(address.database, safe='')}"
        before = [
            "set session transaction read only",
            timeout_setting(self._is_mariadb, self._source.statement_timeout_seconds),
        ]
        return stream(self._source, url, sql, before)

    def _read_here(self, sql: str) -> Iterator[pl.DataFrame]:
        try:
            with SSCursor(self._connection) as cursor:
                cursor.execute(sql)
                schema: dict[str, pl.DataType] = {}
                for column in cursor.description:
                    code = column[1]
                    schema[str(column[0])] = (
                        pl.Int64() if code in _INTEGER_TYPES else pl.Float64() if code in _FLOAT_TYPES else pl.String()
                    )
                while rows := cursor.fetchmany(self._source.batch_rows):
                    yield pl.DataFrame(rows, schema=schema, orient="row")
        except pymysql.MySQLError as error:
            raise failure(self._source, error) from None

    def scans(self, sql: str) -> dict[str, str]:
        try:
            with self._connection.cursor(DictCursor) as cursor:
                cursor.execute(f"explain {sql}")
                steps = [{name.lower(): value for name, value in step.items()} for step in cursor.fetchall()]
        except pymysql.MySQLError as error:
            raise failure(self._source, error) from None
        # ALL reads all rows, index all entries of an index.
        return {
            str(step["table"]): ", ".join(f"{name} {step[name]}" for name in _PLAN if step.get(name) is not None)
            for step in steps
            if step["type"] in ("ALL", "index")
        }
