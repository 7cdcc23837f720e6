"""Which keys of a table went and which came, found without reading them all.

Source and state each tell a few sums over every 65,536 keys in a row; only the keys of buckets whose sums differ are
read. Equal sums over different keys would need keys that went and came in one bucket at once, alike in number, sum, sum
of squares and sum of cubes; Moodle gives new rows higher keys than any before (DOMAIN 9.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from ingestion.contracts import Table
from ingestion.key_state import StreamState
from ingestion.moodle.databases import Snapshot
from ingestion.moodle.queries import BUCKET, Queries, key_sums, within

# So many runs of neighbouring buckets are named in one query.
_RUNS = 100


@dataclass(frozen=True)
class KeyDifference:
    """Keys that the state has and the source lacks, and those that the source has and the state lacks. Both sorted."""

    gone: pl.Series
    missing: pl.Series


def compare_keys(snapshot: Snapshot, queries: Queries, table: Table, state: StreamState) -> KeyDifference:
    """The exact difference of the keys of a table with one integer key, at the snapshot, to those of the state."""
    (name,) = table.primary_key
    key = f't."{name}"'
    sums = ", ".join(f"cast({sql} as bigint) as {sum_}" for sum_, sql in key_sums(key).items())
    known = state.query(f"{key} // {BUCKET} as bucket, {sums}", "group by bucket")
    theirs = _integers(snapshot, queries.key_buckets(table), known.columns)
    differing = pl.concat([known, theirs]).unique(keep="none")["bucket"].unique().sort()
    gone, missing = [pl.Series(dtype=pl.Int64)], [pl.Series(dtype=pl.Int64)]
    for ranges in _chunks(differing):
        ours = state.query(f"{key} as key", f"where {within(key, ranges)}")["key"]
        living = _integers(snapshot, queries.keys(table, ranges), [name])[name]
        gone.append(ours.filter(~ours.is_in(living.implode())))
        missing.append(living.filter(~living.is_in(ours.implode())))
    return KeyDifference(pl.concat(gone).sort(), pl.concat(missing).unique().sort())


def _integers(snapshot: Snapshot, sql: str, columns: list[str]) -> pl.DataFrame:
    """A query's rows as integers; what is none is passed over (the contract turns such a row away when it is read)."""
    schema = pl.Schema(dict.fromkeys(columns, pl.Int64()))
    frames = [frame.select(columns).cast(schema, strict=False) for frame in snapshot.read(sql)]
    return pl.concat([pl.DataFrame(schema=schema), *frames]).drop_nulls()


def _chunks(buckets: pl.Series) -> Iterator[list[tuple[int, int]]]:
    """Runs of neighbouring buckets as half-open ranges of keys, so many at a time."""
    runs = (
        buckets.to_frame("bucket")
        .with_row_index("nth")
        .group_by(pl.col("bucket") - pl.col("nth").cast(pl.Int64), maintain_order=True)
        .agg(pl.col("bucket").min().alias("first"), pl.col("bucket").max().alias("last"))
    )
    ranges = [(first * BUCKET, (last + 1) * BUCKET) for first, last in runs.select("first", "last").iter_rows()]
    for start in range(0, len(ranges), _RUNS):
        yield ranges[start : start + _RUNS]
