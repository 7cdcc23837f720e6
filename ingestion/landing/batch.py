"""A batch: rows of many streams that become visible together, with ledgers that add up, or not at all."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.errors import RollbookError
from ingestion.landing.files import HashedFile, disk_errors, fsync_folder, make_folder, write_atomically
from ingestion.landing.lock import FileLock
from ingestion.landing.manifest import Ledger, Manifest, StreamEntry, checked_name, json_object, utc

# About two of DuckDB's row groups; wide text ends a group earlier.
ROW_GROUP_ROWS = 250_000
ROW_GROUP_BYTES = 64 << 20
# What all streams of a batch hold back together before the largest of them is written.
BUFFER_BYTES = 192 << 20

OWN_COLUMNS: Mapping[str, pl.DataType] = {
    "_batch_id": pl.Int64(),
    "_extracted_at": pl.Datetime("us", "UTC"),
    "_op": pl.String(),
}
# What Parquet, Polars and DuckDB give back in the very same type.
_EXACT = (pl.Int64, pl.Int32, pl.Float64, pl.Decimal, pl.String, pl.Binary, pl.Boolean, pl.Date)


class LedgerError(RollbookError):
    """A batch was refused because a stream's ledger does not add up, or differs from the rows written."""


class Batch:
    """The batch that is being written. Made by `Landing.begin`; a context manager that aborts unless it was committed.

    Memory is bounded by BUFFER_BYTES and one row group, whatever is appended. Several threads may append. A disk error
    aborts the batch, removes its files and is raised as one RollbookError; what follows on a batch that is over is a
    RuntimeError. Frames that break a stream's schema are a ValueError: nothing is cast, nothing is dropped.
    """

    def __init__(
        self,
        *,
        folder: Path,
        manifest_path: Path,
        lock: FileLock,
        batch_id: int,
        source: str,
        kind: str,
        mode: str,
        reason: str,
        cursor_before: Mapping[str, Any],
        extracted_at: datetime,
    ) -> None:
        self.id = batch_id
        self.source = source
        self._kind, self._mode, self._reason = kind, mode, reason
        self._cursor_before, self._extracted_at = cursor_before, extracted_at
        self._folder, self._manifest_path, self._lock = folder, manifest_path, lock
        self._streams: dict[str, _StreamWriter] = {}
        self._is_open = True
        self._guard = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    def open_stream(self, stream: str, schema: Mapping[str, pl.DataType]) -> None:
        """Declare a stream and its columns beyond the landing's own. Repeating it with the same schema is harmless."""
        with self._guard:
            self._check_open()
            columns = _checked_schema(checked_name(stream, "stream"), schema)
            if stream in self._streams:
                if self._streams[stream].schema != columns:
                    raise ValueError(f"stream {stream} is open with another schema")
                return
            self._streams[stream] = _StreamWriter(self._folder, stream, self.id, columns)

    def append(self, stream: str, frame: pl.DataFrame, op: Literal["upsert", "delete"] = "upsert") -> None:
        """Add rows, in order, with _batch_id, _extracted_at and _op.

        The frame has the stream's columns in any order and exactly their types (a column of type Null is all NULL). A
        delete may leave columns out; they become NULL.
        """
        with self._guard:
            self._check_open()
            writer = self._writer(stream)
            if op not in ("upsert", "delete"):
                raise ValueError(f"op is upsert or delete, not {op!r}")
            rows = _conformed(stream, frame, writer.schema, fill=op == "delete")
            if rows.is_empty():
                return
            own = {"_batch_id": self.id, "_extracted_at": self._extracted_at, "_op": op}
            with self._aborting(f"write batch {self.id} of source {self.source}"):
                writer.hold(
                    rows.with_columns(
                        pl.lit(own[name], dtype=dtype).alias(name) for name, dtype in OWN_COLUMNS.items()
                    ),
                    is_delete=op == "delete",
                )
                while sum(w.held_bytes for w in self._streams.values()) > BUFFER_BYTES:
                    max(self._streams.values(), key=lambda w: w.held_bytes).write_held()

    def count(
        self,
        stream: str,
        received: int = 0,
        accepted: int = 0,
        duplicate: int = 0,
        ignored: int = 0,
        quarantined: int = 0,
        deleted: int = 0,
        source_seconds: float = 0.0,
    ) -> None:
        """Add to a stream's ledger and to the time that the source took."""
        with self._guard:
            self._check_open()
            writer = self._writer(stream)
            if not (math.isfinite(source_seconds) and source_seconds >= 0):
                raise ValueError(f"source_seconds must be a time, not {source_seconds!r}")
            writer.ledger += Ledger(received, accepted, duplicate, ignored, quarantined, deleted)
            writer.source_seconds += source_seconds

    def commit(
        self,
        as_of: datetime,
        cursor_after: Mapping[str, Any],
        notes: Sequence[str] = (),
        is_complete: bool = True,
        contract_version: str = "",
    ) -> Manifest:
        """Make the batch visible, durably, and return its manifest.

        Raises LedgerError when received != accepted + duplicate + ignored + quarantined for any stream, or when
        accepted or deleted differ from the rows appended; the batch stays open then. Raises RollbookError when the disk
        fails; nothing is committed then, unless the message says so.
        """
        with self._guard:
            self._check_open()
            moment, cursor = utc(as_of, "as_of"), json_object(cursor_after, "cursor_after")
            for stream, writer in self._streams.items():
                fault = writer.ledger_fault
                if fault:
                    raise LedgerError(f"Batch {self.id} of source {self.source} is refused: stream {stream} {fault}.")
            with self._aborting(f"write batch {self.id} of source {self.source}"):
                streams = {stream: writer.finish() for stream, writer in self._streams.items()}
                manifest = Manifest(
                    source=self.source,
                    kind=self._kind,
                    batch_id=self.id,
                    mode=self._mode,
                    reason=self._reason,
                    as_of=moment,
                    extracted_at=self._extracted_at,
                    committed_at=datetime.now(UTC),
                    cursor_before=self._cursor_before,
                    cursor_after=cursor,
                    is_complete=is_complete,
                    contract_version=contract_version,
                    notes=tuple(notes),
                    streams=streams,
                )
                text = manifest.to_json().encode()
                if self._manifest_path.exists():
                    raise RollbookError(f"Batch {self.id} of source {self.source} was committed by somebody else.")
            self._put_manifest(text)
            return manifest

    def abort(self) -> None:
        """Remove what the batch wrote and free its id. Harmless when the batch is over."""
        with self._guard:
            if not self._is_open:
                return
            self._is_open = False
            try:
                for writer in self._streams.values():
                    writer.discard()
            finally:
                self._lock.release()

    def _put_manifest(self, text: bytes) -> None:
        try:
            with disk_errors(f"commit batch {self.id} of source {self.source}"):
                write_atomically(self._manifest_path, text)
        except BaseException as error:
            # Once renamed, readers have seen it: taking it back would be worse than an unconfirmed name.
            if not self._manifest_path.exists():
                self.abort()
                raise
            self._end()
            if not isinstance(error, RollbookError):
                raise
            raise RollbookError(
                f"Batch {self.id} of source {self.source} is committed, but the disk did not confirm it."
            ) from error
        self._end()

    def _end(self) -> None:
        self._is_open = False
        self._lock.release()

    @contextmanager
    def _aborting(self, doing: str) -> Iterator[None]:
        """A writer is of no use after an error in mid-write, and a full disk wants its space back at once."""
        try:
            with disk_errors(doing):
                yield
        except BaseException:
            self.abort()
            raise

    def _writer(self, stream: str) -> _StreamWriter:
        if stream not in self._streams:
            raise ValueError(f"stream {stream} is not open in batch {self.id}")
        return self._streams[stream]

    def _check_open(self) -> None:
        if not self._is_open:
            raise RuntimeError(f"batch {self.id} of source {self.source} is over")


class _StreamWriter:
    """The rows of one stream: held back until they fill a row group, then written; the file is made with the first."""

    def __init__(self, folder: Path, stream: str, batch_id: int, schema: Mapping[str, pl.DataType]) -> None:
        self.schema = schema
        self.ledger = Ledger()
        self.source_seconds = 0.0
        self.held_bytes = 0
        self._name = f"{stream}/{batch_id:08d}.parquet"
        self._path = folder / self._name
        self._held: list[pl.DataFrame] = []
        self._held_rows = 0
        self._upserts = 0
        self._deletes = 0
        self._file: HashedFile | None = None
        self._parquet: pq.ParquetWriter | None = None

    @property
    def ledger_fault(self) -> str | None:
        """What is wrong with the ledger, as the end of a sentence."""
        if not self.ledger.is_balanced:
            return f"does not add up ({self.ledger})"
        if self.ledger.accepted != self._upserts:
            return f"counts {self.ledger.accepted} accepted rows but {self._upserts} were appended"
        if self.ledger.deleted != self._deletes:
            return f"counts {self.ledger.deleted} deleted rows but {self._deletes} were appended"
        return None

    def hold(self, rows: pl.DataFrame, *, is_delete: bool) -> None:
        self._held.append(rows)
        self._held_rows += rows.height
        self.held_bytes += int(rows.estimated_size())
        if is_delete:
            self._deletes += rows.height
        else:
            self._upserts += rows.height
        if self._held_rows >= ROW_GROUP_ROWS or self.held_bytes >= ROW_GROUP_BYTES:
            self.write_held()

    def write_held(self) -> None:
        """Write the held rows as row groups of even size. Raises OSError."""
        if not self._held:
            return
        groups = max(1, round(max(self._held_rows / ROW_GROUP_ROWS, self.held_bytes / ROW_GROUP_BYTES)))
        rows = math.ceil(self._held_rows / groups)
        table = pl.concat(self._held, rechunk=False).to_arrow(compat_level=pl.CompatLevel.oldest())
        self._held, self._held_rows, self.held_bytes = [], 0, 0
        self._open(table.schema).write_table(table, row_group_size=rows)

    def finish(self) -> StreamEntry:
        """Write what is left, close the file and put it on the disk. Raises OSError."""
        self.write_held()
        if self._file is None or self._parquet is None:
            return StreamEntry(None, 0, None, 0, self.source_seconds, self.ledger)
        self._parquet.close()
        self._file.close()
        fsync_folder(self._path.parent)
        rows = self._upserts + self._deletes
        return StreamEntry(self._name, rows, self._file.sha256, self._file.bytes, self.source_seconds, self.ledger)

    def discard(self) -> None:
        """Remove the file."""
        self._held, self._held_rows, self.held_bytes = [], 0, 0
        if self._file is not None:
            self._file.discard()
        if self._parquet is not None:
            with suppress(OSError, pa.ArrowException):
                self._parquet.close()

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        if self._parquet is None:
            make_folder(self._path.parent)
            self._file = HashedFile(self._path)
            self._parquet = pq.ParquetWriter(self._file, schema, compression="zstd")
        return self._parquet


def _checked_schema(stream: str, schema: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    """The schema with instances of types. Raises ValueError on what would not come back in the same type."""
    if not schema:
        raise ValueError(f"stream {stream} has no columns")
    columns = {name: dtype() if isinstance(dtype, type) else dtype for name, dtype in schema.items()}
    for name, dtype in columns.items():
        if name in OWN_COLUMNS:
            raise ValueError(f"column {name} of stream {stream} belongs to the landing")
        inner = dtype.inner if isinstance(dtype, pl.List) else dtype
        if not isinstance(inner, _EXACT) and inner != pl.Datetime("us", "UTC"):
            raise ValueError(f"column {name} of stream {stream} cannot land as {dtype}")
    return columns


def _conformed(stream: str, frame: pl.DataFrame, schema: Mapping[str, pl.DataType], *, fill: bool) -> pl.DataFrame:
    """The frame with the schema's columns in the schema's order; `fill` adds missing ones as NULL."""
    given = frame.schema
    if foreign := [name for name in given if name not in schema]:
        raise ValueError(f"stream {stream} has no column {', '.join(foreign)}")
    if (missing := [name for name in schema if name not in given]) and not fill:
        raise ValueError(f"rows of stream {stream} lack column {', '.join(missing)}")
    for name, dtype in given.items():
        if dtype not in (schema[name], pl.Null):
            raise ValueError(f"column {name} of stream {stream} is {schema[name]}, not {dtype}")
    nulls = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items() if given.get(name) != dtype]
    return frame.with_columns(nulls).select(list(schema))
