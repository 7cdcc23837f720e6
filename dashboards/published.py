"""The published folder as a reader sees it: which release is current, and what the last run said about the sources."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
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
    """There is a current release but it cannot be read; the message is one sentence, `release` its id."""

    def __init__(self, release: str, message: str) -> None:
        super().__init__(message)
        self.release = release


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
    """What status.json says about a source. `stale_reason` is the pipeline's own half sentence, None while fresh."""

    source: str
    stale_reason: str | None
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
    """The folder that ROLLBOOK_PUBLISHED names, else the first usual one with a release, else ./data/published."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    return next((path for path in _USUAL_FOLDERS if (path / "current").is_symlink()), _USUAL_FOLDERS[0]).absolute()


def current_release(published: Path) -> Release:
    """Resolve `current` once. Raises NothingPublishedError or UnreadableReleaseError."""
    link = published / "current"
    if not link.is_symlink() and not link.exists():
        raise NothingPublishedError(str(published))
    folder = link.resolve()
    name = folder.name.lstrip("0") or folder.name
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        release = Release(
            release_id=int(manifest["release_id"]),
            folder=folder,
            released_at=_required(manifest["released_at"]),
            as_of={source: _required(moment) for source, moment in manifest["as_of"].items()},
        )
    except FileNotFoundError:
        raise UnreadableReleaseError(name, f"Release {name} has lost its manifest.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UnreadableReleaseError(name, f"The manifest of release {name} is damaged.") from None
    if not release.database.is_file():
        raise UnreadableReleaseError(name, f"Release {name} has lost its database.")
    return release


def read_status(published: Path) -> Status:
    """What the last run left in status.json; what cannot be read counts as not said."""
    try:
        content = json.loads((published / "status.json").read_bytes())
        return Status(
            sources=tuple(_source(name, facts) for name, facts in content.get("sources", {}).items()),
            alerts=(*_hold(content.get("hold")), *map(_alert, content.get("alerts", []))),
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return Status()


def _source(name: str, facts: Mapping[str, Any]) -> SourceStatus:
    last = facts.get("last_sync") or {}
    succeeded = last.get("finished_at") if last.get("status") == "succeeded" else None
    return SourceStatus(name, facts.get("stale_reason"), _moment(succeeded))


def _hold(reason: str | None) -> tuple[Alert, ...]:
    """A hold is an alert to readers: what they see is older than what the sources have."""
    return () if reason is None else (Alert("warning", "New releases are on hold", reason, None),)


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
