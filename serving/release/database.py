"""The files of a release, written from a candidate and the release before: DuckDB databases and Parquet."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import duckdb

from serving.errors import ServingError
from serving.release.difference import STAMPS, MartDifference, Table, literal, quote, tables_of
from serving.release.releases import DamagedError

if TYPE_CHECKING:
    import polars as pl

# Readers with DuckDB 1.4 or newer can open what we publish, whatever version writes it.
STORAGE_VERSION = "v1.4.0"
NEXT, NEXT_RESTRICTED, LIVE, LIVE_RESTRICTED = "next_release", "next_restricted", "live_release", "live_restricted"
OWN_MONITORING = ("releases", "current_release", "changes")
# Where the next database comes from: nothing before it, the live one's rows written anew, or a copy of its file.
Origin: TypeAlias = Literal["new", "rewritten", "continued"]
# Above this share of a mart's rows, writing it whole is no dearer than deleting and adding.
_MOST_CHANGED = 0.2
_BLOCK_BYTES = 1 << 20
_TAKEN = {"memory", "system", "temp", NEXT, NEXT_RESTRICTED, LIVE, LIVE_RESTRICTED}


@contextmanager
def workspace(folder: Path, memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB in UTC that spills into `folder` beyond `memory_limit`."""
    connection = duckdb.connect(
        ":memory:", config={"memory_limit": memory_limit, "temp_directory": str(folder / "spill")}
    )
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    finally:
        # After a failed write DuckDB refuses even to close; the first error is the one to tell.
        with contextlib.suppress(duckdb.Error):
            connection.close()


def attach(connection: duckdb.DuckDBPyConnection, path: Path, alias: str) -> str:
    """Attach a database read-only and return its alias."""
    connection.execute(f"attach {literal(str(path))} as {quote(alias)} (read_only)")
    return alias


def alias_of(path: Path) -> str:
    """The name under which views inside the file expect to be found: the file's own."""
    return "candidate" if path.stem.lower() in _TAKEN else path.stem


def create(connection: duckdb.DuckDBPyConnection, path: Path, alias: str, schemas: Sequence[str]) -> None:
    """Make a new database file that DuckDB 1.4 can read, with these schemas."""
    connection.execute(f"attach {literal(str(path))} as {quote(alias)} (storage_version {literal(STORAGE_VERSION)})")
    for schema in schemas:
        connection.execute(f"create schema {quote(alias)}.{quote(schema)}")


def continue_from(connection: duckdb.DuckDBPyConnection, base: Path, sha256: str, path: Path, alias: str) -> None:
    """Begin the next release's database as a copy of the live one's, whose monitoring goes, `changes` excepted.

    Raises DamagedError when the live file is not the one that was published: nothing may be built on it.
    """
    digest = hashlib.sha256()
    with base.open("rb") as source, path.open("wb") as target:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != sha256:
        raise DamagedError(f"{base.name} has changed since it was published: its SHA-256 differs.")
    connection.execute(f"attach {literal(str(path))} as {quote(alias)}")
    for name in tables_of(connection, alias, "monitoring"):
        if name != "changes":
            connection.execute(f"drop table {quote(alias)}.monitoring.{quote(name)}")


def finish(connection: duckdb.DuckDBPyConnection, alias: str) -> None:
    """Write everything into the one file and let go of it."""
    connection.execute(f"checkpoint {quote(alias)}")
    connection.execute(f"detach {quote(alias)}")


def write_mart(
    connection: duckdb.DuckDBPyConnection,
    difference: MartDifference,
    release_id: int,
    released_at: datetime,
    *,
    continued: bool,
) -> int:
    """Bring the mart into the next release; returns its number of rows.

    Rows whose content did not change are the live release's, with the stamps and the very values that consumers
    already hold; only the others come from the candidate and get this release's stamps. A database that was `continued`
    from the live one holds the former already, so that what differs is all that is written, at the table's end;
    otherwise, and where much differs, the mart is written whole, ordered by key.
    """
    now, before = difference.now, difference.before
    assert now is not None
    target = f"{NEXT}.marts.{quote(now.name)}"
    stamped = f"{now.column_list}, {release_id}::bigint as {STAMPS[0]}, {instant(released_at)} as {STAMPS[1]}"
    carried = f"{now.column_list}, {STAMPS[0]}, {STAMPS[1]}"
    mine = f"select key from differences where mart = {literal(now.name)}"
    fresh = f"select {stamped} from {now.sql} n semi join ({mine} and op <> 'delete') d on {now.key_text} = d.key"
    if continued and difference.is_same_layout:
        rows = _count(connection, target)
        if sum(difference.counts.values()) <= _MOST_CHANGED * rows:
            if difference.counts["update"] or difference.counts["delete"]:
                gone = f"({mine} and op <> 'insert') d where {quote(now.key)}::varchar = d.key"
                connection.execute(f"delete from {target} using {gone}")
            if difference.counts["update"] or difference.counts["insert"]:
                connection.execute(f"insert into {target} {fresh} order by {quote(now.key)}")
            return rows + difference.counts["insert"] - difference.counts["delete"]
    if before is None or not difference.is_comparable:
        query = f"select {stamped} from {now.sql} order by {quote(now.key)}"
    elif not difference.has_changed_rows:
        query = f"select {carried} from {before.sql} order by {quote(now.key)}"
    else:
        query = f"""
            select {carried} from {before.sql} b anti join ({mine}) d on {before.key_text} = d.key
            union all
            {fresh}
            order by {quote(now.key)}"""
    connection.execute(f"create or replace table {target} as {query}")
    return _count(connection, target)


def drop_mart(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Remove a mart that the next release was continued with."""
    connection.execute(f"drop table {NEXT}.marts.{quote(name)}")


def write_comments(connection: duckdb.DuckDBPyConnection, catalog: str) -> None:
    """Carry the descriptions of marts and their columns over from the candidate, for tools that show them."""
    wanted, written = _comments(connection, catalog), _comments(connection, NEXT)
    tables = tables_of(connection, NEXT, "marts")
    for (name, column), comment in (dict.fromkeys(written) | wanted).items():
        if name not in tables or column in STAMPS or written.get((name, column)) == comment:
            continue
        thing = f"{NEXT}.marts.{quote(name)}"
        kind, thing = ("table", thing) if column is None else ("column", f"{thing}.{quote(column)}")
        connection.execute(f"comment on {kind} {thing} is {'null' if comment is None else literal(comment)}")


def _comments(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[tuple[str, str | None], str | None]:
    relations = f"""
        select table_name as name, null as part, comment from duckdb_tables()
        where database_name = {literal(catalog)} and schema_name = 'marts' and comment is not null
        union all select view_name, null, comment from duckdb_views()
        where database_name = {literal(catalog)} and schema_name = 'marts' and comment is not null
        union all select table_name, column_name, comment from duckdb_columns()
        where database_name = {literal(catalog)} and schema_name = 'marts' and comment is not null"""
    return {(name, part): comment for name, part, comment in connection.execute(relations).fetchall()}


def write_changes(
    connection: duckdb.DuckDBPyConnection, release_id: int, released_at: datetime, drop_through: int, origin: Origin
) -> None:
    """Complete monitoring.changes: the live release's, without releases up to `drop_through`, and this difference."""
    changes = f"{NEXT}.monitoring.changes"
    fresh = f"""
        select mart, key, op, {release_id}::bigint as release_id, {instant(released_at)} as changed_at from differences
        order by mart, key"""
    if origin == "continued":
        connection.execute(f"delete from {changes} where release_id <= {drop_through}")
    else:
        live = f"{LIVE}.monitoring.changes where release_id > {drop_through} order by release_id, mart, key"
        kept = f"from {live}" if origin == "rewritten" else f"{fresh} limit 0"
        connection.execute(f"create table {changes} as {kept}")
    connection.execute(f"insert into {changes} by name {fresh}")


def last_change_before(connection: duckdb.DuckDBPyConnection, cutoff: datetime) -> int:
    """The newest release whose changes in the live release are older than `cutoff`; 0 when there is none."""
    row = connection.execute(
        f"select coalesce(max(release_id), 0) from {LIVE}.monitoring.changes where changed_at < {instant(cutoff)}"
    ).fetchone()
    return int(row[0]) if row is not None else 0


def write_monitoring(connection: duckdb.DuckDBPyConnection, frames: Mapping[str, "pl.DataFrame"]) -> None:
    """Create one table per frame in schema monitoring, rows in the frame's order."""
    for name, frame in frames.items():
        if not frame.columns:
            raise ServingError(f"Monitoring table {name} has no columns: give the empty frame its schema.")
        connection.register("monitoring_frame", frame)
        try:
            # A column of nothing but NULLs has no type that an older reader knows.
            untyped = [
                row[0] for row in connection.execute("describe monitoring_frame").fetchall() if "NULL" in str(row[1])
            ]
            casts = ", ".join(f"cast({quote(column)} as varchar) as {quote(column)}" for column in untyped)
            replace = f" replace ({casts})" if untyped else ""
            connection.execute(
                f"create table {NEXT}.monitoring.{quote(name)} as select *{replace} from monitoring_frame"
            )
        finally:
            connection.unregister("monitoring_frame")


def copy_monitoring(connection: duckdb.DuckDBPyConnection) -> None:
    """Carry the monitoring tables of the live release over, but for those every release writes itself."""
    for name, table in tables_of(connection, LIVE, "monitoring").items():
        if name not in OWN_MONITORING:
            connection.execute(f"create table {NEXT}.monitoring.{quote(name)} as from {table.sql}")


def write_parquet(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write a query's rows, in its order, as one Parquet file."""
    connection.execute(f"copy ({query}) to {literal(str(path))} (format parquet, compression zstd)")


def write_restricted(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Table], path: Path) -> dict[str, int]:
    """Write the restricted tables into their own database; returns rows per table."""
    create(connection, path, NEXT_RESTRICTED, ["restricted"])
    rows = {}
    for name, table in tables.items():
        target = f"{NEXT_RESTRICTED}.restricted.{quote(name)}"
        connection.execute(f"create table {target} as select {table.column_list} from {table.sql} order by all")
        rows[name] = _count(connection, target)
    finish(connection, NEXT_RESTRICTED)
    return rows


def instant(moment: datetime) -> str:
    """A point in time as an SQL literal."""
    return f"timestamptz {literal(moment.astimezone(UTC).isoformat())}"


def write_release_log(connection: duckdb.DuckDBPyConnection, entries: Sequence[Mapping[str, Any]]) -> None:
    """Create monitoring.releases from the log, and monitoring.current_release from its last entry.

    `as_of` is the earliest of the sources' times, `as_of_by_source` all of them as JSON.
    """
    import polars as pl

    counts = ["rows_inserted", "rows_updated", "rows_deleted"]
    numbers = ["release_id", "previous_id", "rolled_back_to", *counts]
    instant_type = pl.Datetime("us", "UTC")
    frame = pl.DataFrame(
        [
            {
                **{name: entry[name] for name in [*numbers, "reason"]},
                "released_at": _moment(entry["released_at"]),
                "as_of": min((_moment(text) for text in entry["as_of"].values()), default=None),
                "as_of_by_source": json.dumps(dict(entry["as_of"]), sort_keys=True),
            }
            for entry in entries
        ],
        schema={
            "release_id": pl.Int64,
            "released_at": instant_type,
            "as_of": instant_type,
            "reason": pl.String,
            "previous_id": pl.Int64,
            "rolled_back_to": pl.Int64,
            **dict.fromkeys(counts, pl.Int64),
            "as_of_by_source": pl.String,
        },
    )
    current = frame.tail(1).select("release_id", "released_at", "as_of", "reason", "as_of_by_source")
    write_monitoring(connection, {"releases": frame, "current_release": current})


def _moment(value: str | datetime) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row: tuple[Any, ...] | None = connection.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row is not None else 0
