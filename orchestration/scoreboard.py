"""The demo's scoreboard: which planted faults the release tells of, and what it tells of that nobody planted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from ingestion.errors import RollbookError
from orchestration.settings import Settings
from serving.release.releases import RESTRICTED, Releases

REJECTED_EVENT = "event_out_of_contract"


@dataclass
class Fault:
    """A planted fault and the findings that tell of it."""

    fault_id: str
    rule: str
    expected: int
    user_id: str | None
    findings: list[str] = field(default_factory=list)

    @property
    def is_found(self) -> bool:
        return len(self.findings) == self.expected

    def is_told_by(self, rule: str, user_id: str | None) -> bool:
        return self.rule == rule and (self.user_id == user_id or rule == REJECTED_EVENT)


@dataclass(frozen=True)
class Score:
    faults: list[Fault]
    extra: list[str]


@dataclass(frozen=True)
class Parity:
    """How the stored quiz grades compare with those recomputed here."""

    grades: int
    match: int
    explained: int
    unexplained: int

    def __str__(self) -> str:
        return (
            f"{self.grades:,} quiz grades, {self.match:,} match their attempts, {self.explained:,} differ for a known "
            f"reason, {self.unexplained:,} without one"
        )


def compare(settings: Settings, faults: Path) -> Score:
    """Hold the list of planted faults against `rpt_anomalies` of the live release, and its list of rejected rows.

    No person is hit twice, so a finding tells of the fault with its rule and its person; a rejected row names nobody.
    """
    listed = [_fault(entry) for entry in json.loads(faults.read_text(encoding="utf-8"))]
    extra = []
    for key, rule, user_id in _findings(settings):
        told = next((f for f in listed if f.is_told_by(rule, user_id) and not f.is_found), None)
        if told is None:
            extra.append(key)
        else:
            told.findings.append(key)
    return Score(listed, extra)


def row_counts(settings: Settings) -> list[tuple[str, int]]:
    """Rows of each mart of the live release."""
    releases = Releases(settings.data_dir)
    return [(name, mart["rows"]) for name, mart in releases.manifest(_current(releases))["marts"].items()]


def parity(settings: Settings) -> Parity:
    releases = Releases(settings.data_dir)
    with duckdb.connect(str(releases.live_database()), read_only=True) as con:
        row = con.execute(
            "select count(*), count(*) filter (where parity = 'match'),"
            " count(*) filter (where parity <> 'match' and parity_reason is not null),"
            " count(*) filter (where parity <> 'match' and parity_reason is null)"
            " from marts.fct_grades where activity_key like '%:quiz:%' and parity is not null"
        ).fetchone()
    assert row is not None
    return Parity(*row)


def _fault(entry: dict[str, Any]) -> Fault:
    user = entry["keys"].get("user")
    return Fault(entry["id"], entry["rule"], entry["expect"]["count"], None if user is None else str(user))


def _findings(settings: Settings) -> list[tuple[str, str, str | None]]:
    releases = Releases(settings.data_dir)
    identities = releases.restricted_path(_current(releases)) / RESTRICTED
    with duckdb.connect() as con:
        for name, path in (("live", releases.live_database()), ("people", identities)):
            con.execute(f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as {name} (read_only)")
        return con.execute(
            "select a.anomaly_key, a.rule, cast(i.user_id as varchar) from live.marts.rpt_anomalies as a"
            " left join people.restricted.identities as i on i.user_key = a.user_key"
            " union all select reason || ':' || item_id, reason, null from live.monitoring.rejections order by 1"
        ).fetchall()


def _current(releases: Releases) -> int:
    current = releases.current_id()
    if current is None:
        raise RollbookError("The demo published nothing.")
    return current
