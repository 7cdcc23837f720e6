"""Publish a candidate as the next release, or an earlier release's content again.

    candidate marts ──compare──> differences ──> .staging/release/ ──fsync, rename──> releases/<id> ──swap──> current
         live release ──┘          (none: no release)

Only the swap of `current` makes a release exist. Whatever fails or is killed before it leaves the live release as it
was; what is left half done is swept by the next publish.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from serving.errors import RequestError, ServingError
from serving.release.building import Order, build
from serving.release.database import OWN_MONITORING
from serving.release.files import fsync, only_publisher
from serving.release.holding import hold_entry, place_hold, restore_hold
from serving.release.releases import DATABASE, RESTRICTED, DamagedError, Releases
from serving.release.retention import base_of, clear_staging, log_entry, make_live, prepare, prune
from serving.release.verification import verify

if TYPE_CHECKING:
    import polars as pl

DEFAULT_MEMORY_LIMIT = "2GB"


@dataclass(frozen=True)
class Published:
    """A release that has just become live; `removed` are the releases that retention let go.

    `notes` are sentences on what an operator should know although the release is good.
    """

    release_id: int
    previous_id: int | None
    path: Path
    manifest: dict[str, Any]
    removed: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def publish(
    candidate: Path,
    data_dir: Path,
    *,
    primary_keys: Mapping[str, str],
    released_at: datetime,
    as_of: Mapping[str, str],
    cursors: Mapping[str, Any],
    versions: Mapping[str, Any],
    checks: Sequence[Mapping[str, Any]],
    monitoring: "Mapping[str, pl.DataFrame]",
    keep_last: int,
    keep_hours: float,
    reason: str,
    memory_limit: str = DEFAULT_MEMORY_LIMIT,
) -> Published | None:
    """Publish the schemas marts and restricted of a DuckDB file; None when neither differs from the live release.

    The candidate is only read. `as_of` maps each source to an ISO 8601 time. A hold is the caller's to respect
    (`hold(data_dir)`): this function publishes whenever it is called. Raises ServingError, and then the live release
    is what it was before.
    """
    order = Order(
        candidate=candidate,
        restricted=candidate,
        primary_keys=primary_keys,
        released_at=_utc(released_at),
        as_of=as_of,
        cursors=cursors,
        versions=versions,
        checks=checks,
        monitoring=monitoring,
        reason=reason,
        memory_limit=memory_limit,
    )
    return _publish(order, Releases(data_dir), keep_last, keep_hours)


def rollback(
    data_dir: Path,
    release_id: int,
    *,
    released_at: datetime,
    keep_last: int,
    keep_hours: float,
    reason: str,
    monitoring: "Mapping[str, pl.DataFrame] | None" = None,
    primary_keys: Mapping[str, str] | None = None,
    as_of: Mapping[str, str] | None = None,
    cursors: Mapping[str, Any] | None = None,
    versions: Mapping[str, Any] | None = None,
    checks: Sequence[Mapping[str, Any]] | None = None,
    memory_limit: str = DEFAULT_MEMORY_LIMIT,
) -> Published:
    """Publish the marts and identities of an earlier release as a new one, and set a hold.

    What is not given is what the earlier release says about itself; without `monitoring`, the live release's
    monitoring tables stay. The hold is set first, so that no scheduled release can undo the rollback; when the
    rollback fails, the hold is as it was before. Raises ServingError when the release is gone, damaged or the newest.
    """
    releases = Releases(data_dir)
    earlier = releases.manifest(release_id)
    if release_id == releases.newest_id():
        raise RequestError(f"Release {release_id} is the newest already: name an earlier one to roll back to.")
    if damage := verify(data_dir, release_id):
        raise ServingError(f"Release {release_id} is damaged and cannot be published again: {damage[0]}")
    # The content's own keys win: a model may have changed its key since.
    keys = dict(primary_keys or {}) | {name: mart["primary_key"] for name, mart in earlier["marts"].items()}
    order = Order(
        candidate=releases.path(release_id) / DATABASE,
        restricted=releases.restricted_path(release_id) / RESTRICTED,
        primary_keys=keys,
        released_at=_utc(released_at),
        as_of=earlier["as_of"] if as_of is None else as_of,
        cursors=earlier["cursors"] if cursors is None else cursors,
        versions=earlier["versions"] if versions is None else versions,
        checks=earlier["checks"] if checks is None else checks,
        monitoring=monitoring,
        reason=reason,
        memory_limit=memory_limit,
        rolled_back_to=release_id,
    )
    before = hold_entry(data_dir)
    place_hold(data_dir, since=order.released_at, rolled_back_to=release_id, reason=reason)
    try:
        published = _publish(order, releases, keep_last, keep_hours)
    except BaseException:
        restore_hold(data_dir, before)
        raise
    assert published is not None
    return published


def sweep(data_dir: Path) -> None:
    """Undo what a killed publish left half done, and set a lost link to the live release again.

    Every publish begins with it; a run that will publish nothing, or first compares with the live release, calls it.
    Raises ServingError.
    """
    releases = Releases(data_dir)
    if not releases.published.is_dir():
        return
    try:
        with only_publisher(releases.published):
            prepare(releases)
            clear_staging(releases)
    except OSError as error:
        raise ServingError(f"What a killed release left cannot be removed: {_sentence(error)}") from error


def _publish(order: Order, releases: Releases, keep_last: int, keep_hours: float) -> Published | None:
    if not order.candidate.is_file():
        raise ServingError(f"There is no candidate at {order.candidate}: build the marts first.")
    if own := sorted(set(order.monitoring or {}) & set(OWN_MONITORING)):
        raise ServingError(f"Monitoring table {own[0]} is written by the release itself: do not pass it.")
    try:
        releases.data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        releases.published.mkdir(exist_ok=True)
        with only_publisher(releases.published):
            return _publish_alone(order, releases, keep_last, keep_hours)
    except (OSError, duckdb.Error, ValueError, TypeError) as error:
        raise ServingError(_failure(releases, error)) from error


def _publish_alone(order: Order, releases: Releases, keep_last: int, keep_hours: float) -> Published | None:
    notes: list[str] = []
    try:
        prepare(releases)
        release_id = _build(order, releases, notes)
        if release_id is None:
            return None
        _go_live(releases, release_id)
        removed = _tidy(releases, release_id, order.released_at, keep_last, keep_hours, notes)
    except BaseException:
        with contextlib.suppress(OSError, ServingError):
            prepare(releases)
        raise
    finally:
        with contextlib.suppress(OSError):
            clear_staging(releases)
    manifest = releases.manifest(release_id)
    return Published(
        release_id=release_id,
        previous_id=manifest["previous_id"],
        path=releases.path(release_id),
        manifest=manifest,
        removed=tuple(removed),
        notes=tuple(notes),
    )


def _tidy(
    releases: Releases, release_id: int, now: datetime, keep_last: int, keep_hours: float, notes: list[str]
) -> list[int]:
    """Log the live release and let old ones go; a failure here is a note, for the release is out."""
    try:
        releases.append_log(log_entry(releases, release_id))
        return prune(releases, now, keep_last, keep_hours)
    except (OSError, ServingError) as error:
        notes.append(f"Release {release_id} is live, but tidying up after it failed: {_sentence(error)}")
        return []


def _build(order: Order, releases: Releases, notes: list[str]) -> int | None:
    base_id = base_of(releases)
    try:
        return build(order, releases, base_id)
    except (duckdb.Error, DamagedError):
        damage = verify(releases.data_dir, base_id) if base_id is not None else []
        if not damage:
            raise
        # A damaged live release must not stop all later ones.
        notes.append(f"Release {base_id} is damaged, so consumers have to reload from the next one: {damage[0]}")
        prepare(releases)
        return build(order, releases, None)


def _go_live(releases: Releases, release_id: int) -> None:
    folder = releases.path(release_id)
    (releases.staging / "release").rename(folder)
    fsync(releases.folder)
    try:
        make_live(releases, release_id)
    except OSError:
        if releases.current_id() != release_id:
            raise


def _failure(releases: Releases, error: Exception) -> str:
    current = releases.current_id()
    stays = "nothing is published" if current is None else f"release {current} stays live"
    return f"The release was not published and {stays}: {_sentence(error)}"


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f' ({error.filename})' if error.filename else ''}."
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ServingError("A release needs a time with a time zone.")
    return moment.astimezone(UTC)
