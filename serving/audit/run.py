"""The audit as a whole: what is asked of a candidate, in which order, and what comes of a broken one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb

from serving.audit import growth, independent, reconciliation, suites
from serving.audit.batches import BatchError, LandedBatch, read_batches
from serving.audit.candidate import Candidate, Needs, opened
from serving.audit.laws import laws
from serving.audit.report import AuditReport, CheckResult, broken
from serving.audit.structure import check_structure

_LANDING_NEEDS: Needs = {"landing.sources": ("source", "batch_id")}


def run_audit(
    warehouse: Path,
    landing_dir: Path,
    live: Path | None,
    *,
    max_growth_percent: Decimal,
    waivers: Sequence[Mapping[str, Any]],
    primary_keys: Mapping[str, str],
    checked_at: datetime,
) -> AuditReport:
    """Audit the marts of a warehouse before they are released; nothing is written anywhere.

    `landing_dir` holds the committed batches, `live` is the live release's database (None before the first release),
    `primary_keys` names each mart's key. A waiver is a mapping with `check` (the rule), `key` (of the finding, or `*`)
    and `until` (a date or a time). Time is only ever `checked_at`.

    Every fault of the candidate becomes a failed result: a missing table or column is told once, and the checks that
    need it are left out. Raises ServingError when there is no warehouse, when another process or connection is writing
    to it, or when a waiver makes no sense.
    """
    declared = list(laws(primary_keys))
    marts = sorted(primary_keys.keys() | {law.mart for law in declared})
    needs = [
        *(law.needs(primary_keys.get(law.mart)) for law in declared),
        *(one.needs for one in reconciliation.RECONCILIATIONS),
        reconciliation.LEDGER_NEEDS,
        reconciliation.STATE_NEEDS,
        independent.NEEDS,
        growth.NEEDS,
        _LANDING_NEEDS,
    ]
    with opened(warehouse) as candidate, _loading_expectations():
        results = check_structure(candidate, marts, needs)
        rows = {
            mart: candidate.count(f"select count(*) from marts.{mart}")
            for mart in marts
            if f"marts.{mart}" in candidate.tables
        }
        checkable = [law for law in declared if not candidate.lacks(law.needs(primary_keys.get(law.mart)))]
        results += _reconcile(candidate, landing_dir)
        if not candidate.lacks(growth.NEEDS):
            results += growth.check_growth(
                candidate, live, max_growth_percent=max_growth_percent, waivers=waivers, checked_at=checked_at
            )
    # Great Expectations opens the file for itself, which DuckDB allows only when nobody else in the process has it.
    results += suites.check_laws(warehouse, checkable, primary_keys, rows)
    return AuditReport(checked_at, results)


@contextmanager
def _loading_expectations() -> Iterator[None]:
    """Great Expectations is imported while DuckDB, which does not hold Python's lock, works on the reconciliations."""
    thread = Thread(target=suites.load, name="import of great_expectations", daemon=True)
    thread.start()
    try:
        yield
    finally:
        # A failed import is told by the one that asks again.
        thread.join()


def _reconcile(candidate: Candidate, landing_dir: Path) -> list[CheckResult]:
    results = [
        reconciliation.check_rows(candidate, one)
        for one in reconciliation.RECONCILIATIONS
        if not candidate.lacks(one.needs)
    ]
    if not candidate.lacks(reconciliation.LEDGER_NEEDS):
        results.append(reconciliation.check_ledger(candidate))
    if candidate.lacks(_LANDING_NEEDS):
        return results
    try:
        batches = _batches(candidate, landing_dir)
    except (BatchError, duckdb.Error) as error:
        return [*results, broken("reconciliation__manifests", "landing.batches", str(error))]
    if not candidate.lacks(reconciliation.LEDGER_NEEDS):
        results.append(reconciliation.check_manifests(candidate, batches))
    if not candidate.lacks(reconciliation.STATE_NEEDS):
        results.append(reconciliation.check_state(candidate, batches))
    if not candidate.lacks(independent.NEEDS):
        results.append(independent.check_quiz_grades(candidate, batches))
    return results


def _batches(candidate: Candidate, landing_dir: Path) -> list[LandedBatch]:
    applied = candidate.records("select source, batch_id from landing.sources where batch_id is not null")
    return read_batches(landing_dir, {row["source"]: int(row["batch_id"]) for row in applied})
