"""The audit's own reading of landing: committed batches by their manifests, nothing taken from whoever wrote them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

COUNTS = ("received", "accepted", "duplicate", "ignored", "quarantined", "deleted")

_MANIFEST = re.compile(r"[0-9]{8}\.json")


class BatchError(Exception):
    """A manifest, or a file that it names, is missing or cannot be read; the message is one sentence."""


@dataclass(frozen=True)
class LandedBatch:
    """A committed batch: for each stream its ledger, and the file and row count of those that landed rows."""

    source: str
    kind: str
    batch_id: int
    ledgers: Mapping[str, Mapping[str, int]]
    files: Mapping[str, Path]
    rows: Mapping[str, int]
    is_amended: bool


def read_batches(landing: Path, applied: Mapping[str, int]) -> list[LandedBatch]:
    """The committed batches that the warehouse holds: for each source up to the batch given for it, ascending.

    Raises BatchError when a manifest or a file is missing or torn.
    """
    batches = []
    for source, last in sorted(applied.items()):
        folder = landing / source
        manifests = sorted(p for p in (folder / "_batches").glob("*.json") if _MANIFEST.fullmatch(p.name))
        ids = [int(path.stem) for path in manifests]
        if last not in ids:
            raise BatchError(f"The warehouse holds batch {last} of source {source}, but landing has no manifest of it.")
        batches += [_read(folder, path) for path, batch_id in zip(manifests, ids, strict=True) if batch_id <= last]
    return batches


def files_of(batches: Iterable[LandedBatch], source: str, stream: str) -> list[Path]:
    """The Parquet files of one stream of a source, oldest first."""
    return [batch.files[stream] for batch in batches if batch.source == source and stream in batch.files]


def _read(folder: Path, manifest: Path) -> LandedBatch:
    try:
        document = json.loads(manifest.read_bytes())
        streams = document["streams"]
        batch = LandedBatch(
            source=document["source"],
            kind=document["kind"],
            batch_id=int(document["batch_id"]),
            ledgers={name: {count: int(entry["ledger"][count]) for count in COUNTS} for name, entry in streams.items()},
            files={name: folder / entry["file"] for name, entry in streams.items() if entry["file"]},
            rows={name: int(entry["rows"]) for name, entry in streams.items()},
            is_amended=bool(document.get("amended_by")),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BatchError(f"The manifest {manifest} cannot be read: {error!r}.") from error
    for path in batch.files.values():
        if not path.is_file():
            raise BatchError(f"The manifest {manifest.name} of source {batch.source} names {path}, which is missing.")
    return batch
