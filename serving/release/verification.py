"""Hold a release against its manifest, and the manifest against the release log."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from serving.errors import ServingError
from serving.release.difference import quote
from serving.release.files import PRIVATE_FILE, PRIVATE_FOLDER, sha256_of
from serving.release.releases import DATABASE, MANIFEST, RESTRICTED, Releases


def verify(data_dir: Path, release_id: int) -> list[str]:
    """One sentence for each way in which a release differs from what was published; empty when it is sound.

    Every byte of every file is read: files that are missing, changed or not named by the manifest, rows that the
    database lacks, identities that others may read.
    """
    releases = Releases(data_dir)
    try:
        manifest = releases.manifest(release_id)
    except ServingError as error:
        return [str(error)]
    try:
        return _faults(releases, release_id, manifest)
    except (KeyError, TypeError, AttributeError):
        return [f"The manifest of release {release_id} lacks what a manifest has to say."]


def _faults(releases: Releases, release_id: int, manifest: Mapping[str, Any]) -> list[str]:
    folder, faults = releases.path(release_id), []
    for entry in releases.log():
        if entry["release_id"] == release_id and entry["manifest_sha256"] != sha256_of(folder / MANIFEST):
            faults.append(f"{MANIFEST} is not the one that release {release_id} was published with.")
    expected: dict[str, Mapping[str, Any]] = dict(manifest["files"])
    for mart in manifest["marts"].values():
        expected |= mart["files"]
    for name, facts in expected.items():
        faults += _file_faults(folder / name, name, facts)
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    for name in sorted(present - {*expected, MANIFEST}):
        faults.append(f"{name} is not part of release {release_id}.")
    if not faults:
        faults += _row_faults(folder / DATABASE, manifest)

    private = releases.restricted_path(release_id)
    secret = private / RESTRICTED
    faults += _file_faults(secret, RESTRICTED, manifest["restricted"])
    for path, mode in ((private, PRIVATE_FOLDER), (secret, PRIVATE_FILE)):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) != mode:
            faults.append(f"{path.name} has mode {stat.S_IMODE(path.stat().st_mode):04o} instead of {mode:04o}.")
    return faults


def _file_faults(path: Path, name: str, facts: Mapping[str, Any]) -> list[str]:
    try:
        size = path.stat().st_size
        if size != facts["bytes"]:
            return [f"{name} has {size} bytes instead of {facts['bytes']}."]
        if sha256_of(path) != facts["sha256"]:
            return [f"{name} has changed since it was published: its SHA-256 differs."]
    except FileNotFoundError:
        return [f"{name} is missing."]
    except OSError as error:
        return [f"{name} cannot be read: {error.strerror}."]
    return []


def _row_faults(path: Path, manifest: Mapping[str, Any]) -> list[str]:
    faults = []
    try:
        with duckdb.connect(":memory:") as connection:
            escaped = str(path).replace("'", "''")
            connection.execute(f"attach '{escaped}' as release (read_only)")
            for name, mart in manifest["marts"].items():
                row = connection.execute(f"select count(*) from release.marts.{quote(name)}").fetchone()
                if row is not None and row[0] != mart["rows"]:
                    faults.append(f"Mart {name} has {row[0]} rows instead of {mart['rows']}.")
    except duckdb.Error as error:
        faults.append(f"{DATABASE} cannot be read: {str(error).splitlines()[0]}")
    return faults
