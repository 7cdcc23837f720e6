"""Manifests: what a committed batch holds, where it began and ended, and its ledgers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from ingestion.errors import RollbookError, UsageError

FORMAT = 1
# Names of sources and streams are names of folders, and folders that begin with _ are the landing's own.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class LandingError(RollbookError):
    """A manifest, or a file that a manifest names, is missing or damaged; the message names it."""


@dataclass(frozen=True)
class Ledger:
    """What became of the rows of a stream that a source gave. Deletes are no rows of the source: counted beside it."""

    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    ignored: int = 0
    quarantined: int = 0
    deleted: int = 0

    def __post_init__(self) -> None:
        for name, count in self._counts().items():
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                raise ValueError(f"{name} must be a count, not {count!r}")

    @property
    def is_balanced(self) -> bool:
        """The law of every ledger: received = accepted + duplicate + ignored + quarantined."""
        return self.received == self.accepted + self.duplicate + self.ignored + self.quarantined

    def __add__(self, other: Ledger) -> Ledger:
        theirs = other._counts()
        return Ledger(**{name: count + theirs[name] for name, count in self._counts().items()})

    def __str__(self) -> str:
        return (
            f"received {self.received}, accepted {self.accepted} + duplicate {self.duplicate} + "
            f"ignored {self.ignored} + quarantined {self.quarantined}"
        )

    def _counts(self) -> dict[str, int]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True)
class StreamEntry:
    """One stream of a batch. `file` is relative to the source's folder, None when no row landed.

    `rows` and `bytes` are the file's; rows = ledger.accepted + ledger.deleted. `source_seconds` is the time that the
    source took to give the rows.
    """

    file: str | None
    rows: int
    sha256: str | None
    bytes: int
    source_seconds: float
    ledger: Ledger


@dataclass(frozen=True)
class Manifest:
    """A committed batch. Times are UTC.

    `as_of` is the source's clock at the snapshot, `extracted_at` ours when reading began. The cursors are JSON values.
    `is_complete` is False for a part of a full load whose last part has not come. `amended_by` tells that files were
    rewritten after the commit, and why.
    """

    source: str
    kind: str
    batch_id: int
    mode: str
    reason: str
    as_of: datetime
    extracted_at: datetime
    committed_at: datetime
    cursor_before: Mapping[str, Any]
    cursor_after: Mapping[str, Any]
    is_complete: bool = True
    contract_version: str = ""
    notes: tuple[str, ...] = ()
    amended_by: Mapping[str, Any] | None = None
    streams: Mapping[str, StreamEntry] = field(default_factory=dict)

    @property
    def has_rows(self) -> bool:
        """Whether any row landed with this batch, a delete included."""
        return any(entry.rows for entry in self.streams.values())

    def to_json(self) -> str:
        """The manifest as ASCII JSON; `from_json` gives an equal one back. Raises ValueError on what JSON lacks."""
        document = {"format": FORMAT} | {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("as_of", "extracted_at", "committed_at"):
            document[name] = utc(document[name], name).isoformat()
        document["streams"] = {
            name: vars(entry) | {"ledger": vars(entry.ledger)} for name, entry in self.streams.items()
        }
        return json.dumps(document, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read what `to_json` wrote; names it does not know are passed over.

        Raises ValueError, with what is wrong, when the text is torn, of another format or lacks something.
        """
        document = json.loads(text, parse_constant=_refuse_constant)
        if not isinstance(document, dict):
            raise ValueError("no JSON object")
        if document.get("format") != FORMAT:
            raise ValueError(f"its format is {document.get('format')!r}, this version reads {FORMAT}")
        try:
            return cls(
                source=_typed(document, "source", str),
                kind=_typed(document, "kind", str),
                batch_id=_typed(document, "batch_id", int),
                mode=_typed(document, "mode", str),
                reason=_typed(document, "reason", str),
                as_of=_time(document, "as_of"),
                extracted_at=_time(document, "extracted_at"),
                committed_at=_time(document, "committed_at"),
                cursor_before=_typed(document, "cursor_before", dict),
                cursor_after=_typed(document, "cursor_after", dict),
                is_complete=_typed(document, "is_complete", bool),
                contract_version=_typed(document, "contract_version", str),
                notes=tuple(_typed(document, "notes", list)),
                amended_by=_typed(document, "amended_by", dict, type(None)),
                streams={name: _entry(raw) for name, raw in _typed(document, "streams", dict).items()},
            )
        except KeyError as error:
            raise ValueError(f"{error} is missing") from error


def checked_name(name: str, what: str) -> str:
    """The name of a source or stream. Raises UsageError when it could not be the name of its folder."""
    if not NAME.fullmatch(name):
        raise UsageError(f"The {what} name {name!r} must be letters, digits, - and _, at most 100, not - or _ first.")
    return name


def utc(moment: datetime, name: str) -> datetime:
    """The moment in UTC. Raises ValueError when it has no time zone: nobody may guess one."""
    if moment.tzinfo is None:
        raise ValueError(f"{name} needs a time zone")
    return moment.astimezone(UTC)


def json_object(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A copy of the value that JSON gives back unchanged. Raises ValueError when JSON would change or refuse it."""
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold JSON values only: {error}") from error
    if copy != value:
        raise ValueError(f"{name} must hold JSON values only: text keys, lists instead of tuples")
    return copy


def _entry(raw: Any) -> StreamEntry:
    if not isinstance(raw, dict):
        raise ValueError("a stream is no JSON object")
    counts = _typed(raw, "ledger", dict)
    return StreamEntry(
        file=_typed(raw, "file", str, type(None)),
        rows=_typed(raw, "rows", int),
        sha256=_typed(raw, "sha256", str, type(None)),
        bytes=_typed(raw, "bytes", int),
        source_seconds=float(_typed(raw, "source_seconds", int, float)),
        ledger=Ledger(**{f.name: counts[f.name] for f in fields(Ledger)}),
    )


def _typed(document: Mapping[str, Any], name: str, *types: type) -> Any:
    value = document[name]
    # JSON's true is an int to Python.
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise ValueError(f"{name} is {value!r}")
    return value


def _time(document: Mapping[str, Any], name: str) -> datetime:
    return utc(datetime.fromisoformat(_typed(document, name, str)), name)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
