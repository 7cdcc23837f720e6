"""The hold that a rollback sets, so that the next scheduled release does not bring the bad content back."""

import json
from datetime import datetime
from pathlib import Path

from serving.release.files import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, to_json, write_atomically


def hold(data_dir: Path) -> str | None:
    """Why scheduled releases wait, as one sentence; None when they do not. Whoever schedules asks before publishing."""
    entry = hold_entry(data_dir)
    if entry is None:
        return None
    try:
        content = json.loads(entry)
        return (
            f"Releases are held since {content['since']}, after the rollback to release {content['rolled_back_to']} "
            f"({content['reason']}): `rollbook release --resume` ends the hold."
        )
    except (ValueError, KeyError, TypeError):
        return "Releases are held, but the note of why cannot be read: `rollbook release --resume` ends the hold."


def resume(data_dir: Path) -> None:
    """End the hold; nothing happens when there is none."""
    _path(data_dir).unlink(missing_ok=True)


def hold_entry(data_dir: Path) -> bytes | None:
    """The hold as it is stored."""
    try:
        return _path(data_dir).read_bytes()
    except FileNotFoundError:
        return None


def place_hold(data_dir: Path, *, since: datetime, rolled_back_to: int, reason: str) -> None:
    """Set the hold, in place of an earlier one."""
    restore_hold(data_dir, to_json({"since": since, "rolled_back_to": rolled_back_to, "reason": reason}))


def restore_hold(data_dir: Path, entry: bytes | None) -> None:
    """Put a stored hold back; None ends the hold."""
    if entry is None:
        resume(data_dir)
        return
    make_folder(_path(data_dir).parent, PRIVATE_FOLDER)
    write_atomically(_path(data_dir), entry, PRIVATE_FILE)


def _path(data_dir: Path) -> Path:
    return data_dir / "ops" / "release_hold.json"
