"""What is aimed at on two quiet cores, and whether these figures reach it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.extraction import Extraction
from tests.bench.scale import Scale

NO_NEWS_SECONDS = 15.0
CHANGE_SECONDS = 30.0
CHANGE_GROWTH = 1.5
BUILD_RATIO = 3.0
PEAK_MEGABYTES = 4096.0
EXTRACTION_RATIO = 1.5


@dataclass(frozen=True)
class Verdict:
    target: str
    limit: str
    measured: str
    is_met: bool


def verdicts(scales: Sequence[Scale], extracted: Sequence[Extraction]) -> list[Verdict]:
    """One verdict a target, on the largest history; that on growth needs two histories and the same change."""
    found = [
        _at_most(f"extraction from {e.server}, landed against bare driver", EXTRACTION_RATIO, e.ratio, "times")
        for e in extracted
    ]
    if not scales:
        return found
    ordered = sorted(scales, key=lambda scale: scale.attempts)
    smallest, largest = ordered[0], ordered[-1]
    of = f"{largest.attempts:,} attempts"
    found += [
        _at_most(f"a run without news, {of}", NO_NEWS_SECONDS, largest.nothing.seconds, "s"),
        _at_most(f"{largest.changed:,} changed in {of}, end to end", CHANGE_SECONDS, largest.change.seconds, "s"),
        _at_most(f"models of a full build against the query by hand, {of}", BUILD_RATIO, largest.build_ratio, "times"),
        _at_most(f"peak memory, {of}", PEAK_MEGABYTES, largest.peak_megabytes, "MB"),
    ]
    if largest.attempts > smallest.attempts and largest.changed == smallest.changed:
        growth = largest.change.seconds / smallest.change.seconds
        found.append(_at_most(f"the change in {of} against {smallest.attempts:,}", CHANGE_GROWTH, growth, "times"))
    return found


def _at_most(target: str, limit: float, measured: float, unit: str) -> Verdict:
    digits = 2 if unit == "times" else 0 if unit == "MB" else 1
    return Verdict(target, f"{limit:,.{digits}f} {unit}", f"{measured:,.{digits}f} {unit}", measured <= limit)
