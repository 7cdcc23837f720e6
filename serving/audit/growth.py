"""The growth gate: the source's breaches stop a release only when they multiply against the live one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from serving.audit.candidate import Candidate, Needs
from serving.audit.report import CheckResult, broken, first_line, sample
from serving.errors import ServingError

MART = "rpt_anomalies"
NEEDS: Needs = {
    "marts.rpt_anomalies": ("anomaly_key", "rule", "source", "activity_key", "attempt_key", "user_key"),
    "intermediate.int_rule_coverage": ("rule", "rows_covered"),
}
ANY_KEY = "*"

_EVIDENCE = ("anomaly_key", "source", "activity_key", "attempt_key", "user_key")


@dataclass(frozen=True)
class Waiver:
    """A dated exception: findings of one rule with one key, or with any (`*`), are left out up to a moment."""

    check: str
    key: str
    until: datetime

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Waiver:
        """Read one of the ledger's: `check` (the rule), `key`, `until` (a date, which counts whole in UTC, or a time).

        Raises ServingError when one of the three is missing or no such thing.
        """
        try:
            return cls(str(stored["check"]), str(stored["key"]), _end(stored["until"]))
        except (KeyError, ValueError) as error:
            raise ServingError(f"A waiver needs a check, a key and a date until which it holds: {error}.") from error

    def covers(self, rule: str, key: str, moment: datetime) -> bool:
        return self.check == rule and self.key in (key, ANY_KEY) and moment < self.until


def check_growth(
    candidate: Candidate,
    live: Path | None,
    *,
    max_growth_percent: Decimal,
    waivers: Sequence[Mapping[str, Any]],
    checked_at: datetime,
) -> list[CheckResult]:
    """One result for each rule, named as the rule.

    A rule blocks when its findings grew, against the live release, by more than `max_growth_percent` of the rows that
    it covers now, and by more than one. It never blocks without a live release, nor when that was made before the rule
    existed. Waived findings count on neither side.
    """
    exceptions = [Waiver.of(waiver) for waiver in waivers]
    try:
        covered = {
            row["rule"]: int(row["rows_covered"])
            for row in candidate.records(
                "select rule, sum(rows_covered) as rows_covered from intermediate.int_rule_coverage group by rule"
            )
        }
        now = _findings(candidate.records(f"select rule, {', '.join(_EVIDENCE)} from marts.rpt_anomalies"))
        before = _live_findings(live) if live else {}
    except duckdb.Error as error:
        return [
            broken("growth_of_findings", MART, f"The growth of findings could not be measured: {first_line(error)}")
        ]
    known = _known_rules(live) if live else set()
    results = []
    for rule in sorted(covered.keys() | now.keys() | before.keys()):
        kept = {key: row for key, row in now.get(rule, {}).items() if not _waived(exceptions, rule, key, checked_at)}
        kept_before = {key for key in before.get(rule, {}) if not _waived(exceptions, rule, key, checked_at)}
        compared = live is not None and (known is None or rule in known)
        results.append(
            _judge(
                rule,
                covered.get(rule, 0),
                kept,
                kept_before if compared else None,
                waived=len(now.get(rule, {})) - len(kept),
                max_growth_percent=max_growth_percent,
            )
        )
    return results


def _judge(
    rule: str,
    covered: int,
    findings: Mapping[str, Mapping[str, Any]],
    before: set[str] | None,
    *,
    waived: int,
    max_growth_percent: Decimal,
) -> CheckResult:
    growth = 0 if before is None else len(findings) - len(before)
    # One finding is a breach to publish around, however few rows there are; only many are a source gone wrong.
    always_allowed = 1 if covered and max_growth_percent else 0
    passed = growth <= always_allowed or growth * 100 <= max_growth_percent * covered
    said = f"{rule} found {len(findings)} in the {covered} rows that it covers"
    if waived:
        said += f", {waived} waived ones left out"
    if before is None:
        said += "; the live release has none to compare with."
    elif passed:
        said += f", {growth:+d} against the live release: within the {max_growth_percent} % that may grow."
    else:
        said += (
            f", {growth:+d} against the live release: more than the {max_growth_percent} % that may grow;"
            " mend them at the source, or waive them if they are right."
        )
    new = [row for key, row in sorted(findings.items()) if before is None or key not in before]
    return CheckResult(
        check=rule,
        kind="source",
        mart=MART,
        passed=passed,
        blocks=not passed,
        rows_checked=covered,
        rows_failed=len(findings),
        evidence=sample(new or [row for _, row in sorted(findings.items())]),
        message=said,
    )


def _waived(waivers: Sequence[Waiver], rule: str, key: str, moment: datetime) -> bool:
    return any(waiver.covers(rule, key, moment) for waiver in waivers)


def _findings(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        kept = {name: row[name] for name in _EVIDENCE if row.get(name) is not None}
        # A finding without a key or a rule breaks a law of its own mart; here it only has to be counted.
        found.setdefault(str(row["rule"]), {})[str(row["anomaly_key"])] = kept
    return found


def _live_findings(live: Path) -> dict[str, dict[str, dict[str, Any]]]:
    with closing(duckdb.connect(str(live), read_only=True)) as connection:
        there = connection.execute(
            "select 1 from information_schema.tables where table_schema = 'marts' and table_name = 'rpt_anomalies'"
        ).fetchone()
        if not there:
            return {}
        rows = connection.execute("select rule, anomaly_key from marts.rpt_anomalies").fetchall()
    return _findings([{"rule": rule, "anomaly_key": key} for rule, key in rows])


def _known_rules(live: Path) -> set[str] | None:
    """The rules that the live release was checked by; None when it does not tell."""
    try:
        checks = json.loads((live.parent / "manifest.json").read_bytes())["checks"]
        rules = {entry["check"] for entry in checks if entry["kind"] == "source" and entry["mart"] == MART}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return rules or None


def _end(until: Any) -> datetime:
    """The first moment at which a waiver no longer holds."""
    if isinstance(until, str):
        until = date.fromisoformat(until) if len(until) == len("2026-12-31") else datetime.fromisoformat(until)
    if isinstance(until, datetime):
        return until if until.tzinfo else until.replace(tzinfo=UTC)
    if isinstance(until, date):
        return datetime.combine(until, time(), UTC) + timedelta(days=1)
    raise ValueError(f"{until!r} is no date")
