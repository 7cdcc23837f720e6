"""Full or incremental: the decision of a sync and the reason that is recorded with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ingestion.errors import UsageError
from ingestion.landing import Manifest
from ingestion.moodle.source import MoodleSource

MODES = ("auto", "incremental", "full")
RESUMES = "resumes_full_load"


@dataclass(frozen=True)
class Decision:
    """`mode` is full or incremental; `reason` is one of the words below."""

    mode: str
    reason: str

    @property
    def is_full(self) -> bool:
        return self.mode == "full"


def decide(
    source: MoodleSource, asked: str, newest: Manifest | None, now: datetime, *, last_failed: bool, contracts: str
) -> Decision:
    """The mode of the next sync.

    Whatever is asked for, a source without history or with history under other contracts is read in full. `now` is
    the source's clock. A full load that is not finished goes on, and is never started over but under other contracts.
    Reasons: first_sync, contracts_changed, resumes_full_load, requested, last_sync_failed, window_exceeded, normal.
    """
    if asked not in MODES:
        raise UsageError(f"The sync mode of source {source.name} must be one of {', '.join(MODES)}, not {asked!r}.")
    if newest is None:
        return Decision("full", "first_sync")
    if newest.contract_version != contracts:
        return Decision("full", "contracts_changed")
    if not newest.is_complete:
        return Decision("full", RESUMES)
    if asked != "auto":
        return Decision(asked, "requested")
    if last_failed and source.on_failure == "full":
        return Decision("full", "last_sync_failed")
    if now - newest.extracted_at > timedelta(hours=source.sync_window_hours):
        return Decision("full", "window_exceeded")
    return Decision("incremental", "normal")
