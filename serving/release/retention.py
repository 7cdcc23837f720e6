"""What a crash left behind is removed, and old releases go when neither their count nor their age keeps them."""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from serving.release.files import (
    OPEN_FOLDER,
    PRIVATE_FOLDER,
    fsync,
    make_folder,
    point_link,
    sha256_of,
)
from serving.release.releases import MANIFEST, Releases, folder_name


def prepare(releases: Releases) -> list[Path]:
    """Make the folders, then undo what a killed publish left half done; returns what was removed.

    Removed are the staging folder, release folders without a manifest, those that never became live, and identities
    without their release. A release that became live but is missing from the log is added to it, and a lost `current`
    is set again. Only the process that holds the publishers' lock may call this.
    """
    for folder, mode in (
        (releases.published, OPEN_FOLDER),
        (releases.folder, OPEN_FOLDER),
        (releases.restricted, PRIVATE_FOLDER),
    ):
        make_folder(folder, mode)
    removed = [releases.staging] if releases.staging.exists() else []
    clear_staging(releases)
    make_folder(releases.staging, PRIVATE_FOLDER)

    newest, current = releases.newest_id(), releases.current_id()
    if current is not None and all(entry["release_id"] != current for entry in releases.log()):
        releases.append_log(log_entry(releases, current))
    for number, folder in releases.numbered(releases.folder):
        was_live = newest is not None and number <= newest
        if number != current and not (was_live and (folder / MANIFEST).is_file()):
            discard(releases, folder)
            removed.append(folder)
    kept = {number for number, _ in releases.numbered(releases.folder)}
    for number, folder in releases.numbered(releases.restricted):
        if number not in kept:
            shutil.rmtree(folder)
            removed.append(folder)
    if current is None and releases.ids():
        make_live(releases, releases.ids()[-1])
    return removed


def make_live(releases: Releases, release_id: int) -> None:
    """Swap `current` to a complete release in one step."""
    point_link(releases.current, f"{releases.folder.name}/{folder_name(release_id)}", releases.staging)


def log_entry(releases: Releases, release_id: int) -> dict[str, object]:
    """What the log keeps of a release."""
    path = releases.path(release_id) / MANIFEST
    manifest = releases.manifest(release_id)
    changed = [mart["changed"] for mart in manifest["marts"].values()] + list(manifest["dropped_marts"].values())
    return {
        **{name: manifest[name] for name in ("release_id", "released_at", "reason", "as_of", "previous_id")},
        "rolled_back_to": manifest["rolled_back_to"],
        **{f"rows_{what}": sum(counts[what] for counts in changed) for what in ("inserted", "updated", "deleted")},
        "manifest_sha256": sha256_of(path),
    }


def prune(releases: Releases, now: datetime, keep_last: int, keep_hours: float) -> list[int]:
    """Remove releases that are neither among the last `keep_last` nor younger than `keep_hours` at `now`.

    The live release always stays. Returns the removed ids.
    """
    ids = releases.ids()
    kept = set(ids[-keep_last:]) if keep_last > 0 else set()
    current = releases.current_id()
    released = {entry["release_id"]: datetime.fromisoformat(entry["released_at"]) for entry in releases.log()}
    young = now - timedelta(hours=keep_hours)
    removed = []
    for release_id in ids:
        if release_id in kept or release_id == current or (release_id in released and released[release_id] > young):
            continue
        discard(releases, releases.path(release_id))
        private = releases.restricted_path(release_id)
        if private.exists():
            shutil.rmtree(private)
        removed.append(release_id)
    return removed


def discard(releases: Releases, folder: Path) -> None:
    """Remove a release folder so that no reader ever lists it half empty."""
    grave = releases.staging / f"discarded-{folder.name}"
    folder.rename(grave)
    fsync(releases.folder)
    shutil.rmtree(grave)


def clear_staging(releases: Releases) -> None:
    """Remove what was being built."""
    if releases.staging.exists():
        shutil.rmtree(releases.staging)


def base_of(releases: Releases) -> int | None:
    """The release that the next one is compared with: the newest that was live and can still be read."""
    for release_id in reversed(releases.ids()):
        try:
            json.loads((releases.path(release_id) / MANIFEST).read_bytes())
        except (OSError, ValueError):
            continue
        return release_id
    return None
