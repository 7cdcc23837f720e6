"""status.json: how the warehouse fares, for whoever polls a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.release.files import OPEN_FILE, OPEN_FOLDER, make_folder, to_json, write_atomically


def write_status(data_dir: Path, status: Mapping[str, Any]) -> None:
    """Rewrite data/published/status.json in one step; a reader sees the old status or the new one, never a part."""
    published = data_dir / "published"
    make_folder(published, OPEN_FOLDER)
    write_atomically(published / "status.json", to_json(status), OPEN_FILE)
