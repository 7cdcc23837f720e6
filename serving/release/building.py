"""Build one release in the staging folder, complete and flushed; nothing here makes it visible."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from serving.errors import ServingError
from serving.release import database
from serving.release.difference import (
    STAMPS,
    MartDifference,
    Table,
    compare,
    differs_anywhere,
    quote,
    tables_of,
    with_keys,
)
from serving.release.files import (
    OPEN_FILE,
    OPEN_FOLDER,
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    fsync,
    make_folder,
    sha256_of,
    share_file,
    to_json,
    write_durably,
)
from serving.release.releases import CHANGES, DATABASE, MANIFEST, MANIFEST_FORMAT, PARQUET, RESTRICTED, Releases

if TYPE_CHECKING:
    import polars as pl

CHANGES_KEPT = timedelta(days=90)
# A copy of the live database that is changed keeps the room of what was taken out of it; beyond this, all is written
# anew. In small files blocks of a quarter of a megabyte count more than rows.
_MOST_GROWTH = 1.5
_ROOM_BYTES = 16 << 20
_PAST = {"insert": "inserted", "update": "updated", "delete": "deleted"}


@dataclass(frozen=True)
class Order:
    """What to publish, and what to write about it. `monitoring` None: as in the live release."""

    candidate: Path
    restricted: Path
    primary_keys: Mapping[str, str]
    released_at: datetime
    as_of: Mapping[str, str]
    cursors: Mapping[str, Any]
    versions: Mapping[str, Any]
    checks: Sequence[Mapping[str, Any]]
    monitoring: "Mapping[str, pl.DataFrame] | None"
    reason: str
    memory_limit: str
    rolled_back_to: int | None = None


@dataclass(frozen=True)
class _Base:
    """The release to compare with; `id` None: there is none, or none that can be read."""

    id: int | None
    manifest: Mapping[str, Any]
    marts: Mapping[str, Table]

    @property
    def is_to_continue(self) -> bool:
        """Whether the next database may begin as a copy of this one's: in our storage version, and not too loose."""
        layout = self.manifest.get("database", {})
        return layout.get("storage_version") == database.STORAGE_VERSION and not _is_loose(
            self.manifest["files"][DATABASE]["bytes"], layout["bytes_then"]
        )


def _is_loose(bytes_now: int, bytes_then: int) -> bool:
    return bytes_now > _MOST_GROWTH * bytes_then + _ROOM_BYTES


def build(order: Order, releases: Releases, base_id: int | None) -> int | None:
    """Write release and identities to `releases.staging` / "release" and to the private folder of the next id.

    Returns the id, or None when the content does not differ from the base, nothing forces a release, and nothing was
    written. Files are complete, flushed, and have their final modes; only the folder's place is not the final one.
    """
    release_id = (releases.newest_id() or 0) + 1
    with database.workspace(releases.staging, order.memory_limit) as connection:
        catalog = database.attach(connection, order.candidate, database.alias_of(order.candidate))
        private_catalog = catalog
        if order.restricted != order.candidate:
            private_catalog = database.attach(connection, order.restricted, "candidate_restricted")
        now = with_keys(tables_of(connection, catalog, "marts"), order.primary_keys)
        if not now:
            raise ServingError(f"The candidate {order.candidate.name} has no marts: build them first.")
        identities = tables_of(connection, private_catalog, "restricted")
        base = _open_base(connection, releases, base_id)
        origin: database.Origin = "new" if base.id is None else "continued" if base.is_to_continue else "rewritten"

        differences = compare(connection, now, base.marts, by_hash=origin == "continued")
        is_due = (
            base.id is None
            or order.rolled_back_to is not None
            or base.id != releases.current_id()
            or base.id != releases.newest_id()
            or not all(difference.is_unchanged for difference in differences)
            or _identities_differ(connection, releases, base.id, identities)
        )
        if not is_due:
            return None

        folder = releases.staging / "release"
        make_folder(folder / PARQUET, OPEN_FOLDER)
        marts, oldest_base = _write_public(
            connection, order, releases, release_id, folder, base, origin, differences, catalog
        )
        private = releases.restricted_path(release_id) / RESTRICTED
        make_folder(private.parent, PRIVATE_FOLDER)
        identity_rows = database.write_restricted(connection, identities, private)

    private.chmod(PRIVATE_FILE)
    for path in (private, private.parent, releases.restricted):
        fsync(path)
    files = {name: _facts(folder / name) for name in (DATABASE, CHANGES)}
    manifest = {
        "format": MANIFEST_FORMAT,
        "release_id": release_id,
        "previous_id": base.id,
        "released_at": order.released_at,
        "reason": order.reason,
        "rolled_back_to": order.rolled_back_to,
        "as_of": dict(order.as_of),
        "oldest_base": oldest_base,
        "marts": marts,
        "dropped_marts": {item.name: _changed(item) for item in differences if item.now is None},
        "files": files,
        "database": base.manifest["database"]
        if origin == "continued"
        else {
            "storage_version": database.STORAGE_VERSION,
            "written_whole": release_id,
            "bytes_then": files[DATABASE]["bytes"],
        },
        "restricted": {**_facts(private), "rows": identity_rows},
        "cursors": dict(order.cursors),
        "versions": dict(order.versions),
        "checks": [dict(check) for check in order.checks],
    }
    _seal(folder, manifest)
    return release_id


def _open_base(connection: duckdb.DuckDBPyConnection, releases: Releases, base_id: int | None) -> _Base:
    if base_id is None:
        return _Base(None, {}, {})
    manifest = releases.manifest(base_id)
    database.attach(connection, releases.path(base_id) / DATABASE, database.LIVE)
    keys = {name: mart["primary_key"] for name, mart in manifest["marts"].items()}
    return _Base(base_id, manifest, with_keys(tables_of(connection, database.LIVE, "marts"), keys))


def _identities_differ(
    connection: duckdb.DuckDBPyConnection, releases: Releases, base_id: int, identities: Mapping[str, Table]
) -> bool:
    path = releases.restricted_path(base_id) / RESTRICTED
    if not path.is_file():
        return True
    alias = database.attach(connection, path, database.LIVE_RESTRICTED)
    return differs_anywhere(connection, identities, tables_of(connection, alias, "restricted"))


def _write_public(
    connection: duckdb.DuckDBPyConnection,
    order: Order,
    releases: Releases,
    release_id: int,
    folder: Path,
    base: _Base,
    origin: database.Origin,
    differences: Sequence[MartDifference],
    catalog: str,
) -> tuple[dict[str, Any], int]:
    """Everything in the release's own folder but the manifest; returns the marts' facts and oldest_base."""
    is_continued = origin == "continued"
    if is_continued:
        assert base.id is not None
        published = base.manifest["files"][DATABASE]["sha256"]
        live = releases.path(base.id) / DATABASE
        database.continue_from(connection, live, published, folder / DATABASE, database.NEXT)
    else:
        database.create(connection, folder / DATABASE, database.NEXT, ["marts", "monitoring"])
    marts: dict[str, Any] = {}
    for difference in differences:
        if difference.now is None:
            if is_continued:
                database.drop_mart(connection, difference.name)
            continue
        rows = database.write_mart(connection, difference, release_id, order.released_at, continued=is_continued)
        file = f"{PARQUET}/{difference.name}.parquet"
        facts = _shared_parquet(releases, base, difference, folder, file)
        if facts is None:
            source = f"from {database.NEXT}.marts.{quote(difference.name)} order by {quote(difference.now.key)}"
            database.write_parquet(connection, source, folder / file)
            fsync(folder / file)
            facts = _facts(folder / file)
        marts[difference.name] = {
            "rows": rows,
            "primary_key": difference.now.key,
            "columns": {**difference.now.columns, STAMPS[0]: "BIGINT", STAMPS[1]: "TIMESTAMP WITH TIME ZONE"},
            "files": {file: facts},
            "changed": _changed(difference),
        }
    database.write_comments(connection, catalog)

    drop_through, oldest_base = 0, 0
    if base.id is not None:
        drop_through = database.last_change_before(connection, order.released_at - CHANGES_KEPT)
        oldest_base = max(base.manifest["oldest_base"], drop_through)
    if base.id != releases.newest_id():
        # The release that consumers know last cannot be compared with, so nobody can catch up from before this one.
        oldest_base = release_id
    database.write_changes(connection, release_id, order.released_at, drop_through, origin)
    database.write_parquet(
        connection,
        f"from {database.NEXT}.monitoring.changes where release_id = {release_id} order by mart, key",
        folder / CHANGES,
    )
    if order.monitoring is not None:
        database.write_monitoring(connection, order.monitoring)
    elif base.id is not None:
        database.copy_monitoring(connection)
    _write_log(connection, order, releases, release_id, base.id, differences)
    database.finish(connection, database.NEXT)
    return marts, oldest_base


def _shared_parquet(
    releases: Releases, base: _Base, difference: MartDifference, folder: Path, file: str
) -> dict[str, Any] | None:
    """Hard-link the live release's file where the mart did not change; None when it has to be written."""
    if base.id is None or not difference.is_unchanged:
        return None
    facts: dict[str, Any] | None = base.manifest["marts"][difference.name]["files"].get(file)
    source = releases.path(base.id) / file
    if facts is None or not source.is_file() or source.stat().st_size != facts["bytes"]:
        return None
    share_file(source, folder / file)
    return facts


def _write_log(
    connection: duckdb.DuckDBPyConnection,
    order: Order,
    releases: Releases,
    release_id: int,
    base_id: int | None,
    differences: Sequence[MartDifference],
) -> None:
    """Create monitoring.releases, all that were ever live and this one, and monitoring.current_release."""
    changed = [_changed(difference) for difference in differences]
    entry = {
        "release_id": release_id,
        "released_at": order.released_at,
        "reason": order.reason,
        "as_of": order.as_of,
        "previous_id": base_id,
        "rolled_back_to": order.rolled_back_to,
        **{f"rows_{what}": sum(counts[what] for counts in changed) for what in _PAST.values()},
    }
    database.write_release_log(connection, [*releases.log(), entry])


def _changed(difference: MartDifference) -> dict[str, int]:
    return {past: difference.counts[op] for op, past in _PAST.items()}


def _facts(path: Path) -> dict[str, Any]:
    return {"sha256": sha256_of(path), "bytes": path.stat().st_size}


def _seal(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest last, give everything its final mode, and flush what is not flushed yet."""
    write_durably(folder / MANIFEST, to_json(manifest), OPEN_FILE)
    for path in sorted(folder.rglob("*"), reverse=True):
        mode = OPEN_FOLDER if path.is_dir() else OPEN_FILE
        if path.stat().st_mode & 0o7777 != mode:
            path.chmod(mode)
    for path in (folder / DATABASE, folder / CHANGES, folder / PARQUET, folder):
        fsync(path)
    folder.chmod(OPEN_FOLDER)
