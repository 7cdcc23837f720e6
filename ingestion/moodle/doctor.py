"""Questions to a Moodle database before one trusts a sync to it, and what to do about the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ingestion.errors import RollbookError
from ingestion.moodle import contracts
from ingestion.moodle.catalog import Catalog, check
from ingestion.moodle.databases import Database, Snapshot, open_database
from ingestion.moodle.queries import ALIAS, Queries, Touched
from ingestion.moodle.source import MoodleSource

_CLOCK_TOLERANCE = timedelta(minutes=2)
# Below a million rows a server scans the table in less than a second, and an index costs its writers more than that.
SCAN_MATTERS_ROWS = 1_000_000
# Syncs run hourly; a longer window could make a scan the right plan.
_USUAL_WINDOW_SECONDS = 3_600


@dataclass(frozen=True)
class Finding:
    """One answer. `level` is ok, warn or fail; `mend` says what to do, empty when nothing is to be done."""

    topic: str
    level: str
    what: str
    mend: str = ""


def examine(
    source: MoodleSource, *, now: datetime | None = None, scan_matters_rows: int = SCAN_MATTERS_ROWS
) -> list[Finding]:
    """Reachability, server version, read-only proof, clock, tables and columns, Moodle's version, missing indexes.

    Never raises for what the user can mend, never quotes a secret. `now` is this machine's clock."""
    try:
        return list(_examine(source, now or datetime.now(UTC), scan_matters_rows))
    except RollbookError as error:
        return [Finding("reachable", "fail", str(error), "Mend the url of this source, then run doctor again.")]


def _examine(source: MoodleSource, now: datetime, scan_matters_rows: int) -> Iterator[Finding]:
    database = open_database(source)
    with database.snapshot() as snapshot:
        yield Finding("reachable", "ok", f"{database.version()} answers")
        yield _read_only(source, database)
        yield _clock(snapshot.clock, now)
        columns = snapshot.columns()
        try:
            catalog = check(source, contracts(), columns)
        except RollbookError as error:
            yield Finding("tables", "fail", str(error), "Run rollbook doctor --grants for the grants to give.")
            return
        yield Finding("tables", "ok", f"{len(catalog.tables)} tables of the contracts are there")
        for note in catalog.notes:
            yield Finding("tables", "ok", f"{note}; its columns stay empty")
        queries = Queries(snapshot.dialect, source.prefix, columns)
        yield _version(snapshot, queries)
        yield from _indexes(snapshot, queries, catalog, source.watermark_overlap_seconds, scan_matters_rows)


def _read_only(source: MoodleSource, database: Database) -> Finding:
    if source.dialect == "sqlite":
        return Finding("read-only", "ok", "the file is opened read-only")
    if database.can_write():
        return Finding(
            "read-only",
            "warn",
            "the account could change Moodle's tables; Rollbook's sessions are read-only all the same",
            "Make an account that can only read: rollbook doctor --grants prints the SQL.",
        )
    return Finding("read-only", "ok", "the account cannot change Moodle's tables")


def _clock(database_clock: datetime, now: datetime) -> Finding:
    difference = abs(database_clock - now)
    if difference > _CLOCK_TOLERANCE:
        return Finding(
            "clock",
            "warn",
            f"the database's clock and this machine's differ by {int(difference.total_seconds())} seconds",
            "Set both by NTP; Rollbook goes by the database's.",
        )
    return Finding("clock", "ok", "the database's clock agrees with this machine's")


def _version(snapshot: Snapshot, queries: Queries) -> Finding:
    if not queries.has("config"):
        return Finding("moodle", "warn", "Moodle's version is unknown: its config table cannot be read")
    sql = f"select value from {queries.table('config')} where name = 'release'"
    found = [value for frame in snapshot.read(sql) for value in frame["value"]]
    return Finding("moodle", "ok", f"Moodle {found[0]}" if found else "Moodle of an unknown release")


def _indexes(snapshot: Snapshot, queries: Queries, catalog: Catalog, overlap: int, least: int) -> Iterator[Finding]:
    """Large tables that the next incremental sync would scan for a time, with the line of the query plan that says so;
    Moodle ships none of these indexes."""
    since = int(snapshot.clock.timestamp()) - _USUAL_WINDOW_SECONDS - overlap
    scanned = False
    for table, column, sql in _window_queries(queries, catalog, since):
        line = next((line for name, line in snapshot.scans(sql).items() if name in (ALIAS, queries.prefix + table)), "")
        if not line:
            continue
        counted = int(next(iter(snapshot.read(f"select count(*) as n from {queries.table(table)}")))["n"][0])
        if counted < least:
            continue
        scanned = True
        name = queries.quote(f"{queries.prefix}{table}_rollbook")
        yield Finding(
            "indexes",
            "warn",
            f"every sync scans the {counted} rows of {table} for its {column}: {line}",
            "An index makes that cheap, if your site's owner agrees: "
            f"create index {name} on {queries.table(table)} ({column});",
        )
    if not scanned:
        yield Finding("indexes", "ok", "no large table is scanned in every sync")


def _window_queries(queries: Queries, catalog: Catalog, since: int) -> Iterator[tuple[str, str, str]]:
    """Table, column and query of each search for what changed since a time, as an incremental sync makes it."""
    read = {table.name for table in catalog.tables}
    touched = queries.usage_ids(Touched(since, since))
    for table in catalog.tables:
        if table.watermark:
            yield table.name, table.watermark, queries.since(table, since)
    for name in ("quiz_attempts", "question_attempts"):
        if name in read and not any(t.name == name and t.watermark == "timemodified" for t in catalog.tables):
            yield name, "timemodified", touched


def grants(source: MoodleSource, account: str = "rollbook") -> str:
    """The SQL that makes an account able to read what the contracts list, and nothing more.

    Column grants keep even the account from passwords, addresses and tokens. Where the source can be reached, the
    statements fit its tables; otherwise those that not every Moodle can take are comments.
    """
    if source.dialect == "sqlite":
        return "-- A SQLite file needs no grants: it is opened read-only."
    columns = _known_columns(source)
    quote = Queries(source.dialect or "", source.prefix, {}).quote
    who = quote(account) if source.dialect == "postgresql" else f"'{account}'@'%'"

    def grant(table: str, names: Iterable[str]) -> str:
        place = quote(source.prefix + table)
        if source.dialect == "mysql":
            place = f"{quote(source.address.database)}.{place}"
        return f"grant select ({', '.join(map(quote, names))}) on {place} to {who};"

    if source.dialect == "postgresql":
        lines = [f"create role {who} login password '...';", f"grant usage on schema public to {who};"]
    else:
        lines = [f"create user {who} identified by '...';"]
    for table in contracts().tables.values():
        if table.reader == "activity_instances":
            continue
        borrowed = table.parent if table.reader == "question_attempt_steps" else None
        own = [column for column in table.columns if column.name != borrowed]
        if columns is not None:
            names = [column.name for column in own if column.name in columns.get(source.prefix + table.name, ())]
            lines += [grant(table.name, names)] if names else []
            continue
        always = grant(table.name, [column.name for column in own if column.since is None])
        lines.append(always if table.required else f"-- where the table exists: {always}")
        lines += [
            f"-- from Moodle {column.since} on: {grant(table.name, [column.name])}" for column in own if column.since
        ]
    modules = [name for name, held in (columns or {}).items() if {"id", "course", "name"} <= set(held)]
    modules = [name.removeprefix(source.prefix) for name in modules if name.startswith(source.prefix)]
    named = [name for name in modules if name not in contracts().tables]
    lines += [grant(name, ("id", "course", "name")) for name in named]
    if not named:
        example = grant("assign", ("id", "course", "name"))
        lines.append(f"-- and for the table of each other activity module of the site, such as: {example}")
    return "\n".join(lines)


def _known_columns(source: MoodleSource) -> dict[str, dict[str, str]] | None:
    try:
        with open_database(source).snapshot() as snapshot:
            return snapshot.columns() or None
    except RollbookError:
        return None
