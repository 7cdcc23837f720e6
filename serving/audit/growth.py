"""The growth gate: the source's breaches stop a release only when they multiply against the live one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb

from serving.audit.candidate import Candidate, Needs
from serving.audit.report import CheckResult, broken, first_line, sample
from serving.errors import ServingError

MART = "rpt_anomalies"
NEEDS: Needs = {
    "marts.rpt_anomalies": ("anomaly_key", "rule", "subject", "source", "activity_key", "attempt_key", "user_key"),
    "intermediate.int_rule_coverage": ("rule", "severity", "subject", "rows_covered"),
}
ANY_KEY = "*"
_REMEDY = " mend them at the source, or waive them if they are right."

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

    A rule blocks when its findings about any one subject (the kind of row that they are about) grew, against the live
    release, by more than `max_growth_percent` of the rows of that kind that it covers now, and by more than one. It
    never blocks without a live release, nor when that was made before the rule existed. Waived findings count on
    neither side. A warning never blocks: it is about what learners and packages did, and nothing published rests on it.
    """
    exceptions = [Waiver.of(waiver) for waiver in waivers]
    try:
        covered: dict[str, dict[str, int]] = {}
        warnings = set()
        for row in candidate.records(
            "select rule, severity, subject, rows_covered from intermediate.int_rule_coverage"
        ):
            if row["severity"] == "warning":
                warnings.add(str(row["rule"]))
            of_rule = covered.setdefault(str(row["rule"]), {})
            of_rule[_word(row["subject"])] = of_rule.get(_word(row["subject"]), 0) + int(row["rows_covered"])
        now = _findings(candidate.records(f"select rule, subject, {', '.join(_EVIDENCE)} from marts.rpt_anomalies"))
        before = _live_findings(live) if live else {}
    except duckdb.Error as error:
        return [
            broken("growth_of_findings", MART, f"The growth of findings could not be measured: {first_line(error)}")
        ]
    known = _known_rules(live) if live else set()
    results = []
    for rule in sorted(covered.keys() | now.keys() | before.keys()):
        found = now.get(rule, {})
        kept = {key: one for key, one in found.items() if not _waived(exceptions, rule, key, checked_at)}
        kept_before = {
            key: _subject_before(key, one, rule, found, covered.get(rule, {}))
            for key, one in before.get(rule, {}).items()
            if not _waived(exceptions, rule, key, checked_at)
        }
        compared = live is not None and (known is None or rule in known)
        results.append(
            _judge(
                rule,
                covered.get(rule, {}),
                kept,
                kept_before if compared else None,
                waived=len(found) - len(kept),
                max_growth_percent=max_growth_percent,
                is_warning=rule in warnings,
            )
        )
    return results


@dataclass(frozen=True)
class _Finding:
    """A finding's subject (None: it does not tell), and what the evidence shows of it."""

    subject: str | None
    shown: Mapping[str, Any]


@dataclass(frozen=True)
class _Share:
    """The findings of one rule about one subject, against the rows of that kind that the rule covers."""

    subject: str
    covered: int
    found: int
    growth: int
    max_growth_percent: Decimal

    @property
    def passed(self) -> bool:
        # One finding is a breach to publish around, however few rows there are; only many are a source gone wrong.
        always_allowed = 1 if self.covered and self.max_growth_percent else 0
        return self.growth <= always_allowed or self.growth * 100 <= self.max_growth_percent * self.covered

    @property
    def badness(self) -> tuple[bool, Fraction, int]:
        """Greatest for what the sentence has to name."""
        return not self.passed, Fraction(self.growth, max(self.covered, 1)), self.found

    @property
    def rows(self) -> str:
        return _counted(self.covered, self.subject or "row")


def _judge(
    rule: str,
    covered: Mapping[str, int],
    findings: Mapping[str, _Finding],
    before: Mapping[str, str] | None,
    *,
    waived: int,
    max_growth_percent: Decimal,
    is_warning: bool,
) -> CheckResult:
    found = Counter(_word(finding.subject) for finding in findings.values())
    found_before = found if before is None else Counter(before.values())
    shares = [
        _Share(
            subject, covered.get(subject, 0), found[subject], found[subject] - found_before[subject], max_growth_percent
        )
        for subject in sorted(covered.keys() | found.keys() | found_before.keys())
    ]
    passed = all(share.passed for share in shares)
    worst = max((share for share in shares if share.found), key=lambda share: share.badness, default=None)
    if worst:
        said = f"{rule} found {worst.found} in the {worst.rows} that it covers"
        others = [f"{share.found} in {share.rows}" for share in shares if share.found and share is not worst]
        said += f" (besides {' and '.join(others)})" if others else ""
        growth = worst.growth
    else:
        said = f"{rule} found none in the {_counted(sum(covered.values()), 'row')} that it covers"
        growth = sum(share.growth for share in shares)
    if waived:
        said += f", {waived} waived ones left out"
    if before is None:
        said += "; the live release has none to compare with."
    elif passed:
        said += f", {growth:+d} against the live release: within the {max_growth_percent} % that may grow."
    else:
        said += f", {growth:+d} against the live release: more than the {max_growth_percent} % that may grow;" + (
            " a warning, which stops nothing." if is_warning else _REMEDY
        )
    first = worst.subject if worst else ""
    ordered = sorted(findings.items(), key=lambda item: (_word(item[1].subject) != first, item[0]))
    new = [finding.shown for key, finding in ordered if before is None or key not in before]
    return CheckResult(
        check=rule,
        kind="source",
        mart=MART,
        passed=passed,
        blocks=not passed and not is_warning,
        rows_checked=sum(covered.values()),
        rows_failed=len(findings),
        evidence=sample(new or [finding.shown for _, finding in ordered]),
        message=said,
    )


def _subject_before(
    key: str, finding: _Finding, rule: str, now: Mapping[str, _Finding], covered: Mapping[str, int]
) -> str:
    """What a finding of the live release is about; one made before findings told is asked by its key."""
    if finding.subject is not None:
        return finding.subject
    if key in now:
        return _word(now[key].subject)
    prefix = key.removeprefix(f"{rule}:").partition("/")[0]
    if prefix in covered:
        return prefix
    return next(iter(covered)) if len(covered) == 1 else ""


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _word(subject: Any) -> str:
    return "" if subject is None else str(subject)


def _waived(waivers: Sequence[Waiver], rule: str, key: str, moment: datetime) -> bool:
    return any(waiver.covers(rule, key, moment) for waiver in waivers)


def _findings(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, _Finding]]:
    found: dict[str, dict[str, _Finding]] = {}
    for row in rows:
        subject = row.get("subject")
        shown = {name: row[name] for name in _EVIDENCE if row.get(name) is not None}
        # A finding without a key or a rule breaks a law of its own mart; here it only has to be counted.
        found.setdefault(str(row["rule"]), {})[str(row["anomaly_key"])] = _Finding(
            None if subject is None else str(subject), shown
        )
    return found


def _live_findings(live: Path) -> dict[str, dict[str, _Finding]]:
    with closing(duckdb.connect(str(live), read_only=True)) as connection:
        columns = connection.execute(
            "select column_name from information_schema.columns"
            " where table_schema = 'marts' and table_name = 'rpt_anomalies'"
        ).fetchall()
        if not columns:
            return {}
        subject = "subject" if ("subject",) in columns else "null"
        rows = connection.execute(f"select rule, {subject}, anomaly_key from marts.rpt_anomalies").fetchall()
    return _findings([{"rule": rule, "subject": about, "anomaly_key": key} for rule, about, key in rows])


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
