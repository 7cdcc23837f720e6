"""The store: which batches are committed, what they hold, and whether it is still what was written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.errors import RollbookError
from ingestion.landing.batch import Batch
from ingestion.landing.files import disk_errors, fsync_folder, make_folder, sha256_of
from ingestion.landing.lock import FileLock
from ingestion.landing.manifest import NAME, LandingError, Manifest, StreamEntry, checked_name, json_object, utc

_BATCHES = "_batches"
_LAST_BATCH = 99_999_999
_MANIFEST = re.compile(r"([0-9]{8})\.json")
_TEMPORARY = re.compile(r".*\.tmp", re.DOTALL)
_ROWS = re.compile(r"([0-9]{8})\.parquet")


class Landing:
    """The batches of all sources under one folder. Making one touches nothing; reading takes no lock.

    Every method raises LandingError, naming the file, when a manifest that it needs is damaged or of another format,
    and RollbookError when the disk fails it. A source's name is letters, digits, - and _; so is a stream's.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def sources(self) -> list[str]:
        """The sources with at least one committed batch, by name."""
        return [name for name in _names(self.root, NAME, folders=True) if self.batch_ids(name)]

    def batch_ids(self, source: str) -> list[int]:
        """The committed batches of a source, ascending. Other files beside the manifests are passed over."""
        return [int(name[:8]) for name in _names(self._batches(source), _MANIFEST)]

    def manifest(self, source: str, batch_id: int) -> Manifest:
        """The manifest of a committed batch. Raises LandingError when there is none."""
        path = self._manifest_path(source, batch_id)
        with disk_errors(f"read the manifest {path}"):
            try:
                text = path.read_bytes()
            except FileNotFoundError:
                raise LandingError(
                    f"Batch {batch_id} of source {source} is not committed: {path} is missing."
                ) from None
        try:
            manifest = Manifest.from_json(text)
            if (manifest.source, manifest.batch_id) != (source, batch_id):
                raise ValueError(f"it is that of batch {manifest.batch_id} of source {manifest.source}")
        except ValueError as error:
            raise LandingError(f"The manifest {path} cannot be used: {error}.") from error
        return manifest

    def newest(self, source: str) -> Manifest | None:
        """The manifest of the last committed batch, the only place where a source's cursor stands; None without one."""
        ids = self.batch_ids(source)
        return self.manifest(source, ids[-1]) if ids else None

    def newest_complete(self, source: str) -> Manifest | None:
        """The manifest of the last batch that leaves no full load unfinished: what readers may go up to."""
        for batch_id in reversed(self.batch_ids(source)):
            manifest = self.manifest(source, batch_id)
            if manifest.is_complete:
                return manifest
        return None

    def manifests(self, source: str, after: int = 0) -> Iterator[Manifest]:
        """The manifests of all batches committed by now with an id above `after`, ascending."""
        for batch_id in self.batch_ids(source):
            if batch_id > after:
                yield self.manifest(source, batch_id)

    def path(self, source: str, stream: str, batch_id: int) -> Path:
        """Where the rows of a stream lie if the batch has any. Whether they exist, only the manifest says."""
        return self._folder(source) / checked_name(stream, "stream") / f"{batch_id:08d}.parquet"

    def files(self, source: str, batch_id: int) -> dict[str, Path]:
        """The files of a committed batch by stream. Raises LandingError, naming the first that is missing."""
        streams = self.manifest(source, batch_id).streams
        files = {name: self._folder(source) / entry.file for name, entry in streams.items() if entry.file is not None}
        for path in files.values():
            if not path.is_file():
                raise LandingError(_missing(path, batch_id, source))
        return files

    def verify(self, source: str, batch_id: int) -> list[str]:
        """One sentence for each fault of a batch: its files against its manifest, its ledgers. Empty is sound."""
        try:
            streams = self.manifest(source, batch_id).streams
        except LandingError as error:
            return [str(error)]
        folder = self._folder(source)
        return [fault for name, entry in streams.items() for fault in _faults(folder, source, batch_id, name, entry)]

    def begin(
        self, source: str, kind: str, mode: str, reason: str, cursor_before: Mapping[str, Any], extracted_at: datetime
    ) -> Batch:
        """Open the next batch of a source; nobody else can until it is committed or aborted.

        Raises LockedError at once when a batch of the source is being written, by whomever.
        """
        cursor, moment = json_object(cursor_before, "cursor_before"), utc(extracted_at, "extracted_at")
        lock = self._writer_lock(source, f"a batch of source {source}")
        try:
            ids = self.batch_ids(source)
            batch_id = ids[-1] + 1 if ids else 1
            if batch_id > _LAST_BATCH:
                raise RollbookError(f"Source {source} has used up its {_LAST_BATCH} batch ids.")
            self._remove_remains(source, batch_id)
            return Batch(
                folder=self._folder(source),
                manifest_path=self._manifest_path(source, batch_id),
                lock=lock,
                batch_id=batch_id,
                source=source,
                kind=kind,
                mode=mode,
                reason=reason,
                cursor_before=cursor,
                extracted_at=moment,
            )
        except BaseException:
            lock.release()
            raise

    def sweep(self, source: str) -> list[Path]:
        """Remove the remains of batches that were never committed: row files no manifest names, and `*.tmp`.

        Returns what was removed. Files of other names are somebody else's and stay. Raises LockedError while a batch of
        the source is being written, and LandingError, removing nothing, when a manifest is damaged.
        """
        if not self._folder(source).is_dir():
            return []
        with self._holding_writer_lock(source, f"the sweep of source {source}"):
            unnamed = list(self._unnamed(source))
            with disk_errors(f"remove uncommitted files of source {source}"):
                for path in unnamed:
                    path.unlink(missing_ok=True)
                for folder in {path.parent for path in unnamed}:
                    fsync_folder(folder)
            return unnamed

    def _unnamed(self, source: str) -> Iterator[Path]:
        batches = self._batches(source)
        yield from (batches / name for name in _names(batches, _TEMPORARY))
        files: dict[int, list[Path]] = {}
        for stream in self._streams(source):
            yield from (stream / name for name in _names(stream, _TEMPORARY))
            for name in _names(stream, _ROWS):
                files.setdefault(int(name[:8]), []).append(stream / name)
        committed = set(self.batch_ids(source))
        for batch_id, paths in sorted(files.items()):
            if batch_id not in committed:
                yield from paths
                continue
            # A search of the text is enough to keep a file and far cheaper than parsing; removing one needs the parse.
            with disk_errors(f"read the manifest of batch {batch_id} of source {source}"):
                text = self._manifest_path(source, batch_id).read_bytes()
            suspects = [path for path in paths if f'"{path.parent.name}/{path.name}"'.encode() not in text]
            if suspects:
                named = {entry.file for entry in self.manifest(source, batch_id).streams.values()}
                yield from (path for path in suspects if f"{path.parent.name}/{path.name}" not in named)

    def _remove_remains(self, source: str, batch_id: int) -> None:
        """Remove what an aborted batch of this id left, so that the id starts clean."""
        with disk_errors(f"remove uncommitted files of source {source}"):
            for stream in self._streams(source):
                (stream / f"{batch_id:08d}.parquet").unlink(missing_ok=True)

    def _writer_lock(self, source: str, command: str) -> FileLock:
        with disk_errors(f"make the folder {self._batches(source)}"):
            make_folder(self.root)
            make_folder(self._folder(source))
            make_folder(self._batches(source))
        return FileLock(self._batches(source) / "writer.lock", command, subject=f"The landing of source {source}")

    @contextmanager
    def _holding_writer_lock(self, source: str, command: str) -> Iterator[None]:
        lock = self._writer_lock(source, command)
        try:
            yield
        finally:
            lock.release()

    def _folder(self, source: str) -> Path:
        return self.root / checked_name(source, "source")

    def _batches(self, source: str) -> Path:
        return self._folder(source) / _BATCHES

    def _manifest_path(self, source: str, batch_id: int) -> Path:
        return self._batches(source) / f"{batch_id:08d}.json"

    def _streams(self, source: str) -> list[Path]:
        folder = self._folder(source)
        return [folder / name for name in _names(folder, NAME, folders=True)]


def _names(folder: Path, pattern: re.Pattern[str], *, folders: bool = False) -> list[str]:
    """The sorted names in a folder that match: of files without links, or of folders and links to some."""
    with disk_errors(f"list the folder {folder}"):
        try:
            with os.scandir(folder) as found:
                return sorted(
                    entry.name
                    for entry in found
                    if pattern.fullmatch(entry.name)
                    and (entry.is_dir() if folders else entry.is_file(follow_symlinks=False))
                )
        except FileNotFoundError:
            return []


def _missing(path: Path, batch_id: int, source: str) -> str:
    return f"{path} is missing, but batch {batch_id} of source {source} names it."


def _faults(folder: Path, source: str, batch_id: int, stream: str, entry: StreamEntry) -> Iterator[str]:
    ledger = entry.ledger
    if not ledger.is_balanced:
        yield f"The ledger of {stream} in batch {batch_id} of source {source} does not add up: {ledger}."
    if entry.rows != ledger.accepted + ledger.deleted:
        yield (
            f"Batch {batch_id} of source {source} names {entry.rows} rows of {stream}, "
            f"but its ledger {ledger.accepted} accepted and {ledger.deleted} deleted."
        )
    if entry.file is None:
        if entry.rows:
            yield f"Batch {batch_id} of source {source} names {entry.rows} rows of {stream} but no file."
        return
    path = folder / entry.file
    try:
        size, sha256 = path.stat().st_size, sha256_of(path)
        rows = pq.read_metadata(path).num_rows
    except FileNotFoundError:
        yield _missing(path, batch_id, source)
        return
    except (OSError, pa.ArrowException) as error:
        yield f"{path} cannot be read: {error}."
        return
    if size != entry.bytes:
        yield f"{path} has {size} bytes, its manifest says {entry.bytes}."
    if rows != entry.rows:
        yield f"{path} has {rows} rows, its manifest says {entry.rows}."
    if sha256 != entry.sha256:
        yield f"{path} has SHA-256 {sha256}, its manifest says {entry.sha256}."
