"""The first question: are the tables and columns there that the audit and the readers of a release rely on?"""

from __future__ import annotations

from collections.abc import Iterable

from serving.audit.candidate import Candidate, Needs
from serving.audit.laws import PERSONAL_COLUMNS
from serving.audit.report import CheckResult, broken, verdict


def check_structure(candidate: Candidate, marts: Iterable[str], needs: Iterable[Needs]) -> list[CheckResult]:
    """One result for each mart, and one for each other incomplete table.

    A mart is sound when it is there with every column that some check reads and without one that would name a person.
    """
    wanted: dict[str, list[str]] = {f"marts.{mart}": [] for mart in marts}
    for need in needs:
        for table, columns in need.items():
            held = wanted.setdefault(table, [])
            held += [column for column in columns if column not in held]
    lacking = candidate.lacks(wanted)
    results = []
    for table in sorted(wanted):
        schema, name = table.split(".", 1)
        if table not in lacking and schema == "marts":
            results.append(_sound(candidate, table, name))
        elif table in lacking:
            results.append(_lacking(candidate, table, name, lacking[table]))
    return results


def _sound(candidate: Candidate, table: str, mart: str) -> CheckResult:
    columns = sorted(candidate.tables[table])
    personal = [{"column": column} for column in columns if column.lower() in PERSONAL_COLUMNS]
    claim = f"{mart} has the columns that others rely on, and none that names a person."
    return verdict(f"{mart}__structure", mart, claim, len(columns), len(personal), personal, noun="columns")


def _lacking(candidate: Candidate, table: str, name: str, columns: list[str]) -> CheckResult:
    schema = table.split(".", 1)[0]
    mart = name if schema == "marts" else table
    if table not in candidate.tables:
        return broken(f"{name}__structure", mart, f"The warehouse has no table {table}.")
    return broken(f"{name}__structure", mart, f"{table} lacks {', '.join(columns)}.")
