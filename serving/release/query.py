"""One read-only SQL statement on the live release."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from serving.errors import RequestError, ServingError
from serving.release.difference import literal
from serving.release.releases import DATABASE, Releases

_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_WRITERS = {"csv": "format csv, header", "parquet": "format parquet, compression zstd"}


@dataclass(frozen=True)
class QueryResult:
    """`rows` holds at most the rows asked for, none when they went into a file; `is_truncated` says there were more."""

    release_id: int
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    is_truncated: bool = False
    rows_written: int = 0


def run_query(
    data_dir: Path,
    sql: str,
    *,
    output: Path | None = None,
    file_format: Literal["csv", "parquet"] = "csv",
    max_rows: int | None = None,
    release_id: int | None = None,
) -> QueryResult:
    """Run one statement on the live release, or on `release_id`; times are UTC.

    Tables of the schemas marts and monitoring need no prefix. The statement can read this release and nothing else:
    no other file, no network, no setting. With `output` the rows are streamed into that file, which is replaced only
    when all are written. Raises ServingError for anything but one SELECT, and for what DuckDB refuses.
    """
    releases = Releases(data_dir)
    chosen = releases.current_id() if release_id is None else release_id
    if chosen is None:
        raise ServingError("Nothing is published yet: `rollbook run` makes the first release.")
    path = releases.path(chosen) / DATABASE
    if not path.is_file():
        raise RequestError(f"There is no release {chosen}: `rollbook releases` lists those that are kept.")
    draft = None if output is None else output.with_name(f".{output.name}.{os.getpid()}.tmp").absolute()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="rollbook-query-") as spill,
            duckdb.connect(":memory:", config={"temp_directory": spill}) as connection,
        ):
            _open(connection, path, draft)
            statement = _statement(connection, sql)
            if output is None or draft is None:
                return _rows(connection, statement, chosen, max_rows)
            columns = tuple(row[0] for row in connection.execute(f"describe {statement}").fetchall())
            copied = connection.execute(
                f"copy ({statement}\n) to {literal(str(draft))} ({_WRITERS[file_format]})"
            ).fetchone()
            draft.replace(output)
            return QueryResult(chosen, columns, [], rows_written=int(copied[0]) if copied is not None else 0)
    except duckdb.Error as error:
        raise RequestError(_sentence(error)) from error
    except OSError as error:
        raise ServingError(f"The result cannot be written: {error.strerror}.") from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def _open(connection: duckdb.DuckDBPyConnection, path: Path, draft: Path | None) -> None:
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"attach {literal(str(path.absolute()))} as rollbook (read_only)")
    connection.execute("set search_path = 'rollbook.marts,rollbook.monitoring'")
    if draft is not None:
        connection.execute(f"set allowed_paths = [{literal(str(draft))}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _statement(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type not in _READING:
        raise RequestError("A query is one SELECT statement (or WITH, FROM, DESCRIBE, SUMMARIZE, SHOW, EXPLAIN).")
    # The parser ends a statement after its semicolon and what follows on the line; inside COPY neither may stand.
    # Offsets count bytes.
    text = str(statements[0].query).encode()
    ends = [
        at for at, kind in duckdb.tokenize(text.decode()) if kind == duckdb.token_type.operator and text[at] == 0x3B
    ]
    return text[: ends[0] if ends else None].decode().strip()


def _rows(connection: duckdb.DuckDBPyConnection, statement: str, release_id: int, max_rows: int | None) -> QueryResult:
    result = connection.execute(statement)
    columns = tuple(column[0] for column in result.description or ())
    if max_rows is None:
        return QueryResult(release_id, columns, result.fetchall())
    rows = result.fetchmany(max_rows + 1)
    return QueryResult(release_id, columns, rows[:max_rows], is_truncated=len(rows) > max_rows)


def _sentence(error: duckdb.Error) -> str:
    """DuckDB's message without the echo of the statement."""
    return " ".join(line.strip() for line in str(error).split("\nLINE ")[0].splitlines() if line.strip())
