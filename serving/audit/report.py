"""What an audit found: one result a check, and whether the candidate may be released."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

EVIDENCE_ROWS = 20

Kind: TypeAlias = Literal["ours", "source"]


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    `kind` tells whose breach a failure is: "ours" always stops the release, "source" does as the check says.
    `blocks` is True when this very result stops the release. `mart` is the mart that the check is about, or another
    table with its schema. `rows_checked` and `rows_failed` count rows of it; for a rule of the source they are the rows
    that the rule covers and its findings less the waived ones. `evidence` samples at most 20 failed rows by their keys:
    JSON values only, no names, no ids of the source's accounts. `message` is one sentence.
    """

    check: str
    kind: Kind
    mart: str
    passed: bool
    blocks: bool
    rows_checked: int
    rows_failed: int
    evidence: list[dict[str, Any]]
    message: str

    def as_row(self) -> dict[str, Any]:
        """The result as one flat row; the evidence is JSON text."""
        return vars(self) | {"evidence": json.dumps(self.evidence)}


@dataclass(frozen=True)
class AuditReport:
    """All results of one audit, in the order in which the checks ran. `checked_at` is the time that the caller gave."""

    checked_at: datetime
    results: list[CheckResult]

    @property
    def blocked(self) -> bool:
        """Whether the candidate must not be released."""
        return any(result.blocks for result in self.results)

    @property
    def failures(self) -> list[CheckResult]:
        return [result for result in self.results if not result.passed]


def verdict(
    check: str,
    mart: str,
    claim: str,
    rows_checked: int,
    rows_failed: int,
    evidence: Iterable[Mapping[str, Any]] = (),
    kind: Kind = "ours",
    noun: str = "rows",
) -> CheckResult:
    """The result of counting the rows that break a claim: no row passes it, a breach of ours blocks."""
    message = claim if not rows_failed else f"{rows_failed} of {rows_checked} {noun} break the law: {claim}"
    return CheckResult(
        check=check,
        kind=kind,
        mart=mart,
        passed=not rows_failed,
        blocks=bool(rows_failed) and kind == "ours",
        rows_checked=rows_checked,
        rows_failed=rows_failed,
        evidence=sample(evidence) if rows_failed else [],
        message=message,
    )


def broken(check: str, mart: str, why: str) -> CheckResult:
    """The result of a check that could not be made: a failure of ours, never a pass."""
    return CheckResult(check, "ours", mart, False, True, 0, 0, [], why)


def first_line(error: BaseException | str) -> str:
    """The first line of an error, short enough for a message."""
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def sample(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """At most 20 rows, as JSON values."""
    taken: list[dict[str, Any]] = []
    for row in rows:
        if len(taken) == EVIDENCE_ROWS:
            break
        taken.append({name: _json_value(value) for name, value in row.items()})
    return taken


def records(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows of a cursor as records."""
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _json_value(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
