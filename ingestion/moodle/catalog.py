"""What a site's database has of what the contracts ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ingestion.contracts import Contracts, Table
from ingestion.errors import UsageError
from ingestion.moodle.source import MoodleSource

# Present in every Moodle since 2.x, under any prefix.
_TELLTALE = "config_plugins"


@dataclass(frozen=True)
class Catalog:
    """The tables that can be read, in the contracts' order, and sentences on what is not there."""

    tables: tuple[Table, ...]
    notes: tuple[str, ...]


def check(source: MoodleSource, contracts: Contracts, columns: Mapping[str, Collection[str]]) -> Catalog:
    """Hold the contracts against the database.

    An optional table or column that is missing is noted. Raises UsageError, in one sentence, when no table has the
    prefix, or a required table or column is missing.
    """
    if not any(name.startswith(source.prefix) for name in columns):
        raise UsageError(_no_tables(source, columns))
    readable: list[Table] = []
    notes: list[str] = []
    missing = [t.name for t in contracts.tables.values() if t.required and not _is_there(source, t, columns)]
    if missing:
        some = ", ".join(source.prefix + name for name in missing[:3]) + (" and more" if len(missing) > 3 else "")
        raise UsageError(
            f"Source {source.name} has no table {some}: check its prefix, its database and what its user may read."
        )
    for table in contracts.tables.values():
        if not _is_there(source, table, columns):
            since = f" (Moodle {table.since} brought it)" if table.since else ""
            notes.append(f"table {table.name} is absent{since}")
            continue
        if table.reader == "table":
            notes += _absent_columns(source, table, columns[source.prefix + table.name])
        readable.append(table)
    return Catalog(tuple(readable), tuple(notes))


def _is_there(source: MoodleSource, table: Table, columns: Mapping[str, Collection[str]]) -> bool:
    return table.reader == "activity_instances" or source.prefix + table.name in columns


def _absent_columns(source: MoodleSource, table: Table, present: Collection[str]) -> list[str]:
    absent = [c for c in table.columns if c.name not in present]
    essential = {*table.primary_key, table.watermark}
    fatal = [c.name for c in absent if c.name in essential or (table.required and c.since is None)]
    if fatal:
        raise UsageError(
            f"Table {source.prefix}{table.name} of source {source.name} has no column {', '.join(fatal)}:"
            " this is no Moodle that Rollbook knows, or its user may not read that column."
        )
    return [
        f"column {table.name}.{c.name} is absent" + (f" (Moodle {c.since} brought it)" if c.since else "")
        for c in absent
    ]


def _no_tables(source: MoodleSource, columns: Mapping[str, Collection[str]]) -> str:
    if not columns:
        return f"The database of source {source.name} shows no tables: it is empty, or its user may read none of them."
    found = sorted(name.removesuffix(_TELLTALE) for name in columns if name.endswith(_TELLTALE))
    hint = f"; its Moodle tables begin with {' or '.join(map(repr, found))}" if found else "; it holds no Moodle tables"
    return f"No table of source {source.name} begins with the prefix '{source.prefix}'{hint}."
