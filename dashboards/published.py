"""The published folder as a reader sees it: which release is current, and what the last run said about the sources."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from serving.release.releases import DATABASE, MANIFEST

FOLDER_VARIABLE = "ROLLBOOK_PUBLISHED"
_USUAL_FOLDERS = (Path("data/published"), Path("demo/data/published"))


class NothingPublishedError(Exception):
    """No release was ever published in the folder; the message names the folder."""


class UnreadableReleaseError(Exception):
    """There is a current release but it cannot be read; the message is one sentence."""


@dataclass(frozen=True)
class Release:
    """One immutable release, with `current` already resolved: all of a page's values come from this folder."""

    release_id: int
    folder: Path
    released_at: datetime
    as_of: Mapping[str, datetime]

    @property
    def database(self) -> Path:
        return self.folder / DATABASE


@dataclass(frozen=True)
class SourceStatus:
    """What status.json says about a source. `state` is the pipeline's own word for its last sync."""

    source: str
    state: str | None
    last_success_at: datetime | None


@dataclass(frozen=True)
class Alert:
    severity: str
    title: str
    detail: str
    opened_at: datetime | None


@dataclass(frozen=True)
class Status:
    """status.json, which every run rewrites, also one that released nothing. Empty where it is absent or damaged."""

    sources: tuple[SourceStatus, ...] = ()
    alerts: tuple[Alert, ...] = ()


def published_folder() -> Path:
    """The folder that ROLLBOOK_PUBLISHED names, else the first usual one that holds a release, else ./data/published."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    return next((path for path in _USUAL_FOLDERS if (path / "current").is_symlink()), _USUAL_FOLDERS[0]).absolute()


def current_release(published: Path) -> Release:
    """Resolve `current` once. Raises NothingPublishedError or UnreadableReleaseError."""
    link = published / "current"
    if not link.is_symlink() and not link.exists():
        raise NothingPublishedError(str(published))
    folder = link.resolve()
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        release = Release(
            release_id=int(manifest["release_id"]),
            folder=folder,
            released_at=_required(manifest["released_at"]),
            as_of={source: _required(moment) for source, moment in manifest["as_of"].items()},
        )
    except FileNotFoundError:
        raise UnreadableReleaseError(f"The current release, {folder.name}, has lost its manifest.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UnreadableReleaseError(f"The manifest of the current release, {folder.name}, is damaged.") from None
    if not release.database.is_file():
        raise UnreadableReleaseError(f"Release {release.release_id} has lost its database.")
    return release


def read_status(published: Path) -> Status:
    """What the last run left in status.json; what cannot be read counts as not said."""
    try:
        content = json.loads((published / "status.json").read_bytes())
        return Status(
            sources=tuple(_source(name, facts) for name, facts in _named(content.get("sources", {}), "source")),
            alerts=tuple(_alert(facts) for _, facts in _named(content.get("alerts", []), "title")),
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return Status()


def _named(listed: Any, name: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Facts by name, whether they are written as a mapping or as a list."""
    if isinstance(listed, Mapping):
        return [(str(key), facts) for key, facts in listed.items()]
    return [(str(facts.get(name) or facts.get("name")), facts) for facts in listed]


def _source(name: str, facts: Mapping[str, Any]) -> SourceStatus:
    state = "disabled" if facts.get("mode") == "disabled" else facts.get("status")
    succeeded = facts.get("last_success_at") or (facts.get("finished_at") if state == "succeeded" else None)
    return SourceStatus(name, None if state is None else str(state), _moment(succeeded))


def _alert(facts: Mapping[str, Any]) -> Alert:
    return Alert(
        severity=str(facts.get("severity") or "warning"),
        title=str(facts.get("title") or "Alert"),
        detail=str(facts.get("detail") or ""),
        opened_at=_moment(facts.get("opened_at")),
    )


def _required(value: Any) -> datetime:
    moment = _moment(value)
    if moment is None:
        raise ValueError("a time is missing")
    return moment


def _moment(value: Any) -> datetime | None:
    """A time with its zone; text without a zone is UTC."""
    if not isinstance(value, str):
        return None
    moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
