"""The published releases on disk: which exist, which one is live, and the log of all that were ever live."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.errors import RequestError, ServingError
from serving.release.files import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, to_json, write_atomically

DATABASE, CHANGES, MANIFEST, PARQUET, RESTRICTED = (
    "rollbook.duckdb",
    "changes.parquet",
    "manifest.json",
    "parquet",
    "restricted.duckdb",
)
MANIFEST_FORMAT = 1
_FOLDER_NAME = re.compile(r"\d{8,}")


class DamagedError(ServingError):
    """A published file is not what its manifest says."""


def folder_name(release_id: int) -> str:
    """The folder of release 12 is called 00000012."""
    return f"{release_id:08d}"


class Releases:
    """Releases below one data directory. Reading never changes anything on disk and needs no lock.

    A reader that needs several files of one release asks for `path(current_id())` once and stays in that folder,
    which never changes while it exists.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.published = data_dir / "published"
        self.folder = self.published / "releases"
        self.current = self.published / "current"
        self.staging = self.published / ".staging"
        self.restricted = data_dir / "restricted"
        self.log_file = data_dir / "ops" / "releases.json"

    def path(self, release_id: int) -> Path:
        """The folder of a release, whether or not it exists."""
        return self.folder / folder_name(release_id)

    def restricted_path(self, release_id: int) -> Path:
        """The private folder of a release's identities, whether or not it exists."""
        return self.restricted / folder_name(release_id)

    def ids(self) -> list[int]:
        """Ids of the releases that are on disk and were live at some time, ascending."""
        newest = self.newest_id()
        return [release_id for release_id in self.complete_ids() if newest is not None and release_id <= newest]

    def current_id(self) -> int | None:
        """Id of the live release; None while nothing is published."""
        try:
            name = self.current.readlink().name
        except OSError:
            return None
        if not _FOLDER_NAME.fullmatch(name) or not (self.folder / name / MANIFEST).is_file():
            return None
        return int(name)

    def live_database(self) -> Path | None:
        """The DuckDB file of the live release, with `current` already resolved; None while nothing is published."""
        release_id = self.current_id()
        return None if release_id is None else self.path(release_id) / DATABASE

    def manifest(self, release_id: int) -> dict[str, Any]:
        """What the release says about itself. Raises ServingError when there is no such release or it is damaged."""
        path = self.path(release_id) / MANIFEST
        try:
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise RequestError(
                f"There is no release {release_id}: `rollbook releases` lists those that are kept."
            ) from None
        except (OSError, ValueError) as error:
            raise ServingError(f"The manifest of release {release_id} cannot be read: {error}.") from None
        if not isinstance(content, dict) or content.get("format") != MANIFEST_FORMAT:
            raise ServingError(f"The manifest of release {release_id} is not in format {MANIFEST_FORMAT}.")
        return content

    def complete_ids(self) -> list[int]:
        """Ids of all folders with a manifest, ascending, also one that never became live."""
        return [number for number, path in self.numbered(self.folder) if (path / MANIFEST).is_file()]

    def newest_id(self) -> int | None:
        """The highest id that was ever live, even when its folder is gone; new releases count on from it."""
        ids = [entry["release_id"] for entry in self.log()]
        current = self.current_id()
        if current is not None:
            ids.append(current)
        if not ids:
            # Log and link are both lost: a release that a later one names as its predecessor was live.
            ids = [self.manifest(release_id).get("previous_id") or 0 for release_id in self.complete_ids()]
        return max((number for number in ids if number), default=None)

    def log(self) -> list[dict[str, Any]]:
        """One entry for each release that was ever live, oldest first; it outlives the releases themselves."""
        try:
            content = json.loads(self.log_file.read_bytes())
            entries: list[dict[str, Any]] = content["releases"]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError):
            raise ServingError(f"The release log {self.log_file} cannot be read: restore it, or remove it.") from None
        return entries

    def append_log(self, entry: Mapping[str, Any]) -> None:
        """Add one release to the log."""
        make_folder(self.log_file.parent, PRIVATE_FOLDER)
        content = {"format": 1, "releases": [*self.log(), entry]}
        write_atomically(self.log_file, to_json(content), PRIVATE_FILE)

    @staticmethod
    def numbered(folder: Path) -> list[tuple[int, Path]]:
        """The folders named by a release id, ascending."""
        try:
            entries = [path for path in folder.iterdir() if _FOLDER_NAME.fullmatch(path.name) and path.is_dir()]
        except FileNotFoundError:
            return []
        return sorted((int(path.name), path) for path in entries)
