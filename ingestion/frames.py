"""Frame work between a source's rows and landed rows: casts by contract, digests, row hashes. All in Polars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import duckdb
import polars as pl

from ingestion.contracts import Column, Stream, Sync, Table

HASH = "_hash"
QUARANTINE: Stream = Table(
    name="quarantine",
    primary_key=("table", "key"),
    sync=Sync.WHOLE,
    columns=tuple(Column(name, "text") for name in ("table", "key", "reason", "rule_id", "pointer", "sample")),
).streams[0]
"""Where rows go whose values their contract cannot hold: which row, why, and a short sample of the value."""

_SAMPLE_LENGTH = 64
_HASH_SEED = 20240229


@dataclass(frozen=True)
class Cast:
    """Rows that obey the contract, and those that do not (in the shape of the quarantine stream)."""

    rows: pl.DataFrame
    quarantined: pl.DataFrame


def cast_by_contract(table: Table, frame: pl.DataFrame) -> Cast:
    """Give every column of the contract its type; an absent column becomes NULL.

    A value that its type cannot hold sends its row to quarantine with reason `value_out_of_contract`.
    """
    columns = [
        pl.col(c.name).cast(c.polars_type, strict=False) if c.name in frame.columns else _absent(c)
        for c in table.columns
    ]
    rows = frame.select(columns)
    broken = {
        c.name: frame[c.name].is_not_null() & rows[c.name].is_null() for c in table.columns if c.name in frame.columns
    }
    broken = {name: mask for name, mask in broken.items() if mask.any()}
    if not broken:
        return Cast(rows, pl.DataFrame(schema=landed_schema(QUARANTINE)))
    key = key_text(table.primary_key)
    samples = [
        frame.filter(mask).select(
            pl.lit(table.name).alias("table"),
            key.alias("key"),
            pl.lit("value_out_of_contract").alias("reason"),
            pl.lit(f"{table.name}.{name}: {_type_of(table, name)}").alias("rule_id"),
            pl.lit(name).alias("pointer"),
            pl.col(name).cast(pl.String).str.slice(0, _SAMPLE_LENGTH).alias("sample"),
        )
        for name, mask in broken.items()
    ]
    any_broken = pl.DataFrame(broken).select(pl.any_horizontal(pl.all())).to_series()
    quarantined = pl.concat(samples).unique(subset=["key"], keep="first", maintain_order=True)
    return Cast(rows.filter(~any_broken), quarantined)


def key_text(primary_key: Sequence[str]) -> pl.Expr:
    """A primary key as one text."""
    return pl.concat_str([pl.col(key).cast(pl.String) for key in primary_key], separator="/")


def project(stream: Stream, rows: pl.DataFrame) -> pl.DataFrame:
    """The landed columns of one stream: its part of the row, texts that must not land as length and SHA-256."""
    return rows.select([expression for column in stream.columns for expression in _landed(column)])


@cache
def landed_schema(stream: Stream) -> Mapping[str, pl.DataType]:
    """Polars types of a stream's landed columns, in order."""
    return project(stream, pl.DataFrame(schema={c.name: c.polars_type for c in stream.table.columns})).schema


def with_hash(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a 64-bit hash over all their columns, equal for equal rows within one Polars version."""
    return rows.with_columns(rows.hash_rows(seed=_HASH_SEED).alias(HASH))


def keys_of(stream: Stream, rows: pl.DataFrame) -> pl.DataFrame:
    """Key, parent (where there is one) and hash: what the last state remembers of a row."""
    return rows.select([*state_keys(stream), HASH])


def state_keys(stream: Stream) -> Sequence[str]:
    """Columns of the last state that are not the hash."""
    parent = stream.table.parent
    return [*stream.primary_key, *([parent] if parent and parent not in stream.primary_key else [])]


def _absent(column: Column) -> pl.Expr:
    return pl.lit(None, dtype=column.polars_type).alias(column.name)


def _type_of(table: Table, name: str) -> str:
    return next(c.type for c in table.columns if c.name == name)


def _landed(column: Column) -> list[pl.Expr]:
    text = pl.col(column.name)
    if column.type != "digest":
        return [text]
    return [
        text.str.len_chars().cast(pl.Int64).alias(f"{column.name}_length"),
        text.map_batches(_sha256, return_dtype=pl.String).alias(f"{column.name}_sha256"),
    ]


def _sha256(texts: pl.Series) -> pl.Series:
    """SHA-256 of each text, hexadecimal, by DuckDB (Polars has none)."""
    frame = texts.to_frame("text")  # noqa: F841  DuckDB finds it by its name
    with duckdb.connect() as connection:
        return connection.sql("select sha256(text) as digest from frame").pl()["digest"]
