"""The last landed state of a source: for each stream its keys and row hashes, as side files.

The batches are the truth. A side file only saves reading them again: it is used when it was written for the newest
batch under the same contracts and the same hash function, and is rebuilt from the batches otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from ingestion.contracts import Contracts, Stream, Sync
from ingestion.frames import keys_of, landed_schema, state_keys, with_hash
from ingestion.landing import Landing
from ingestion.landing.files import fsync_folder, make_folder, write_atomically

_FORMAT = 1


class KeyStates:
    """Keys and hashes of every stream of one source as of its newest committed batch.

    `of` gives a frame with the key columns, the parent column where the contract has one, and `_hash`.
    `replace` notes a stream's new state; `save` writes all that were replaced, after the batch has committed.
    """

    def __init__(self, folder: Path, landing: Landing, source: str, contracts: Contracts) -> None:
        self._folder = folder / source
        self._landing = landing
        self._source = source
        self._fingerprint = f"{_FORMAT}/polars-{pl.__version__}/{contracts.version}"
        newest = landing.newest(source)
        self._batch_id = newest.batch_id if newest else 0
        self._files = self._usable_files()
        self._changed: dict[str, pl.DataFrame] = {}

    def _usable_files(self) -> dict[str, str] | None:
        try:
            index = json.loads((self._folder / "state.json").read_text(encoding="utf-8"))
            fits = index["batch_id"] == self._batch_id and index["fingerprint"] == self._fingerprint
            return dict(index["files"]) if fits else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def of(self, stream: Stream) -> pl.DataFrame:
        """The state of one stream; empty when nothing of it has landed."""
        empty = pl.DataFrame(schema={**_key_schema(stream), "_hash": pl.UInt64})
        if self._batch_id == 0:
            return empty
        if self._files is not None:
            name = self._files.get(stream.name)
            if name is None:
                return empty
            try:
                return pl.read_parquet(self._folder / name).select(empty.columns).cast(empty.schema)
            except (OSError, pl.exceptions.PolarsError):
                pass  # lost or torn: the batches still hold it
        return self._rebuild(stream, empty)

    def _rebuild(self, stream: Stream, empty: pl.DataFrame) -> pl.DataFrame:
        schema = landed_schema(stream)
        parts = []
        for manifest in self._landing.manifests(self._source):
            path = self._landing.files(self._source, manifest.batch_id).get(stream.name)
            if path is not None:
                parts.append(pl.scan_parquet(path).select(pl.col("_op"), *_conformed(path, schema)))
        if not parts:
            return empty
        latest = pl.concat(parts).unique(subset=list(stream.primary_key), keep="last", maintain_order=True)
        rows = latest.filter(pl.col("_op") == "upsert").drop("_op").collect()
        return keys_of(stream, with_hash(rows))

    def replace(self, stream: Stream, state: pl.DataFrame) -> None:
        """Note the state of a stream as it will be once the batch in the making has committed."""
        self._changed[stream.name] = state

    def save(self, batch_id: int, streams: Iterable[Stream]) -> None:
        """Write what was replaced and point the index at it; the states then belong to `batch_id`."""
        make_folder(self._folder.parent)
        make_folder(self._folder)
        files = dict(self._files or {})
        if self._files is None:
            # Nothing usable was there: every stream has just been rebuilt or replaced, so all are written.
            for stream in streams:
                if stream.name not in self._changed:
                    self._changed[stream.name] = self.of(stream)
        for name, state in self._changed.items():
            file = f"{name}.{batch_id:08d}.parquet"
            state.write_parquet(self._folder / file, compression="zstd")
            files[name] = file
        fsync_folder(self._folder)
        index = {"batch_id": batch_id, "fingerprint": self._fingerprint, "files": files}
        write_atomically(self._folder / "state.json", json.dumps(index).encode())
        for path in self._folder.glob("*.parquet"):
            if path.name not in files.values():
                path.unlink(missing_ok=True)
        self._files, self._batch_id, self._changed = files, batch_id, {}


def within_overlap(stream: Stream, state: pl.DataFrame, floor: int) -> pl.DataFrame:
    """The part of an append-only stream's state that the next sync can meet again."""
    assert stream.table.sync is Sync.APPEND
    return state.filter(pl.col(stream.primary_key[0]) > floor)


def _key_schema(stream: Stream) -> dict[str, pl.DataType]:
    schema = landed_schema(stream)
    return {name: schema[name] for name in state_keys(stream)}


def _conformed(path: Path, schema: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    """A file's columns in today's contract: what it lacks is NULL, as when the row would be read again."""
    present = pl.read_parquet_schema(path)
    return [
        pl.col(name).cast(dtype) if name in present else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in schema.items()
    ]
