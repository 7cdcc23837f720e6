"""Contracts: which columns of which tables are read, how changes and deletes are found, what is personal.

A contract file is TOML, one section a table:

    [quiz_attempts]
    primary_key = ["id"]
    sync = "watermark"            # how changes are found, see Sync
    watermark = "timemodified"    # only for sync = "watermark"
    required = true               # its absence is an error, not a note
    since = "4.0"                 # the release that brought the table, for the message when it is absent
    only = "preview = 0"          # SQL condition on rows, portable over PostgreSQL, MySQL and SQLite; {prefix} is the
                                  # prefix of the site's tables
    keeps = ["state"]             # columns whose earlier values stay in history.<kind>_<table>_values
    [quiz_attempts.columns]
    id = "int"
    userid = "user"
    duedate = { type = "time", since = "5.0" }
    timeend = { type = "time", boundary = true }    # passing it changes what marts say

Column types:

    int        64-bit integer
    time       seconds since 1970-01-01 UTC as a 64-bit integer, exactly as stored (0 often means "none")
    user       64-bit integer: the account that the row is about
    actor      64-bit integer: the account that acted; 0 and below mean the system
    num5/num7  DECIMAL(18, 5) / DECIMAL(20, 7)
    float      IEEE double
    text       text
    personal   text about a person: lands in a stream of its own, `<table>__personal`
    digest     text that never lands: its length and SHA-256 do, as <column>_length and <column>_sha256
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import polars as pl

PERSONAL_SUFFIX = "__personal"


class Sync(StrEnum):
    """How the changes of a table are found. Deletes are found accordingly (see `Table.deletes`)."""

    WHOLE = "whole"  # read whole, only the difference to the last state lands
    WATERMARK = "watermark"  # rows with watermark >= cursor less an overlap; keys are compared for deletes
    APPEND = "append"  # rows with id above the cursor less an overlap; what the source purges stays landed
    TOUCHED = "touched"  # children of question usages: a usage that moved is read whole


class Deletes(StrEnum):
    """How a table's hard deletes are found."""

    ABSENCE = "absence"  # the whole table was read: a key that is not there is gone
    KEYS = "keys"  # the keys alone are read and compared
    PARENT = "parent"  # rows follow their usage, and vanish from a usage that was read whole
    NEVER = "never"  # append-only: a purge at the source is no delete


_DELETES = {
    Sync.WHOLE: Deletes.ABSENCE,
    Sync.WATERMARK: Deletes.KEYS,
    Sync.APPEND: Deletes.NEVER,
    Sync.TOUCHED: Deletes.PARENT,
}

_POLARS: Mapping[str, pl.DataType] = {
    "int": pl.Int64(),
    "time": pl.Int64(),
    "user": pl.Int64(),
    "actor": pl.Int64(),
    "num5": pl.Decimal(18, 5),
    "num7": pl.Decimal(20, 7),
    "float": pl.Float64(),
    "text": pl.String(),
    "personal": pl.String(),
    "digest": pl.String(),
}

_DUCKDB: Mapping[str, str] = {
    "int": "BIGINT",
    "time": "BIGINT",
    "user": "BIGINT",
    "actor": "BIGINT",
    "num5": "DECIMAL(18, 5)",
    "num7": "DECIMAL(20, 7)",
    "float": "DOUBLE",
    "text": "VARCHAR",
    "personal": "VARCHAR",
}


@dataclass(frozen=True)
class Column:
    """One column of an allow-list.

    `since` is the source's release that brought it, None when it was always there. `boundary` marks a time (in
    seconds) that, once passed, changes what marts say although no row changed.
    """

    name: str
    type: str
    since: str | None = None
    boundary: bool = False

    @property
    def is_personal(self) -> bool:
        return self.type == "personal"

    @property
    def polars_type(self) -> pl.DataType:
        """The type in which the column is read."""
        return _POLARS[self.type]

    @property
    def landed(self) -> tuple[tuple[str, str], ...]:
        """The (name, DuckDB type) pairs under which the column lands."""
        if self.type == "digest":
            return ((f"{self.name}_length", "BIGINT"), (f"{self.name}_sha256", "VARCHAR"))
        return ((self.name, _DUCKDB[self.type]),)


@dataclass(frozen=True)
class Table:
    """The contract of one table. Immutable; raises ValueError on a contradiction in itself."""

    name: str
    primary_key: tuple[str, ...]
    sync: Sync
    columns: tuple[Column, ...]
    watermark: str | None = None  # the column that every insert and update moves
    required: bool = False
    since: str | None = None
    only: str | None = None
    reader: str = "table"  # which query reads it: its own table, or one that the source's package names
    parent: str | None = None  # the column naming the usage that a row belongs to
    snapshot: bool = True
    keeps: tuple[str, ...] = ()  # the columns whose earlier values, as far as a sync saw them, are not forgotten

    def __post_init__(self) -> None:
        names = {column.name for column in self.columns}
        named = (*self.primary_key, *filter(None, [self.watermark, self.parent]), *self.keeps)
        missing = [key for key in named if key not in names]
        if missing:
            raise ValueError(f"contract {self.name}: {', '.join(missing)} not among its columns")
        unknown = [column.name for column in self.columns if column.type not in _POLARS]
        if unknown:
            raise ValueError(f"contract {self.name}: unknown type of {', '.join(unknown)}")
        if (self.sync is Sync.WATERMARK) != (self.watermark is not None):
            raise ValueError(f"contract {self.name}: sync = watermark and a watermark belong together")
        if (self.sync is Sync.TOUCHED) != (self.parent is not None):
            raise ValueError(f"contract {self.name}: sync = touched and a parent belong together")
        if self.has_personal and any(c.type == "digest" for c in self.columns):
            raise ValueError(f"contract {self.name}: personal and digest columns cannot share a table")

    @property
    def deletes(self) -> Deletes:
        return _DELETES[self.sync]

    @property
    def position_column(self) -> str | None:
        """The column whose greatest value tells how far a sync has read, None for tables that have no such column."""
        if self.sync is Sync.APPEND:
            return self.primary_key[0]
        if self.sync is Sync.TOUCHED and any(column.name == "timemodified" for column in self.columns):
            return "timemodified"
        return self.watermark

    @property
    def has_integer_key(self) -> bool:
        return len(self.primary_key) == 1 and all(
            column.type in ("int", "user") for column in self.columns if column.name in self.primary_key
        )

    @property
    def has_personal(self) -> bool:
        return any(column.is_personal for column in self.columns)

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """The streams that the table lands in: the plain one, and a personal one if any column is personal."""
        plain = Stream(self.name, self, tuple(c for c in self.columns if not c.is_personal))
        if not self.has_personal:
            return (plain,)
        keys = tuple(c for c in self.columns if c.name in self.primary_key)
        personal = tuple(c for c in self.columns if c.is_personal)
        return (plain, Stream(self.name + PERSONAL_SUFFIX, self, keys + personal))


@dataclass(frozen=True)
class Stream:
    """What lands under one name: a table's plain columns, or its key with its personal columns."""

    name: str
    table: Table = field(repr=False)
    columns: tuple[Column, ...] = field(repr=False)

    @property
    def is_personal(self) -> bool:
        return self.name != self.table.name

    @property
    def primary_key(self) -> tuple[str, ...]:
        return self.table.primary_key

    @property
    def landed(self) -> tuple[tuple[str, str], ...]:
        """(name, DuckDB type) of each landed column, without the landing's own (_batch_id, _extracted_at, _op)."""
        return tuple(pair for column in self.columns for pair in column.landed)

    @property
    def kept(self) -> tuple[str, ...]:
        """The columns whose earlier values are kept; none of a personal stream."""
        return () if self.is_personal else self.table.keeps

    def columns_of(self, type_: str) -> tuple[str, ...]:
        """The names of the columns of one type."""
        return tuple(column.name for column in self.columns if column.type == type_)


@dataclass(frozen=True)
class Contracts:
    """All tables of one kind of source, by name, in the order of their files."""

    kind: str
    tables: Mapping[str, Table]

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        return tuple(stream for table in self.tables.values() for stream in table.streams)

    @cached_property
    def version(self) -> str:
        """Changes whenever any contract changes; what landed under another version is read whole again."""
        return hashlib.sha256(json.dumps([asdict(table) for table in self.tables.values()]).encode()).hexdigest()[:16]


def load_contracts(kind: str, folder: Path) -> Contracts:
    """Read every `*.toml` of a folder as the contracts of one kind of source.

    Raises ValueError when a file contradicts itself or names a table twice.
    """
    tables: dict[str, Table] = {}
    for path in sorted(folder.glob("*.toml")):
        for name, section in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if name in tables:
                raise ValueError(f"contract {name} stands twice, the second time in {path.name}")
            tables[name] = _table(name, section)
    return Contracts(kind, tables)


def _table(name: str, section: dict) -> Table:
    section = dict(section)
    columns = tuple(
        Column(column, **({"type": spec} if isinstance(spec, str) else spec))
        for column, spec in section.pop("columns").items()
    )
    return Table(
        name=name,
        columns=columns,
        primary_key=tuple(section.pop("primary_key")),
        sync=Sync(section.pop("sync")),
        keeps=tuple(section.pop("keeps", ())),
        **section,
    )
