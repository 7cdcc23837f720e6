"""Great Expectations over the marts of the candidate: every law of `laws` as an expectation."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from serving.audit.laws import Law
from serving.audit.report import EVIDENCE_ROWS, CheckResult, broken, first_line, verdict


def load() -> ModuleType:
    """Import Great Expectations, which takes seconds: in a thread of its own it costs the audit less."""
    # Great Expectations reads it when it is imported: no audit reports home.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    return importlib.import_module("serving.audit.engine")


def check_laws(
    warehouse: Path, laws: Sequence[Law], primary_keys: Mapping[str, str], rows: Mapping[str, int]
) -> list[CheckResult]:
    """One result for each law, by mart. `rows` counts the rows of each mart.

    The laws' tables and columns must exist. An expectation that cannot be evaluated is a failure of ours, never a pass.
    Nothing else in this process may hold the warehouse open.
    """
    if not laws:
        return []
    worked_out = {name: query for law in laws for name, query in law.works_out.items()}
    results: list[CheckResult] = []
    with load().opened(warehouse, worked_out) as source:
        for mart in dict.fromkeys(law.mart for law in laws):
            results += _check_mart(
                source, mart, [law for law in laws if law.mart == mart], primary_keys.get(mart), rows
            )
    return results


def _check_mart(
    source: Any, mart: str, laws: Sequence[Law], key: str | None, rows: Mapping[str, int]
) -> list[CheckResult]:
    # First the verdicts alone: evidence costs several queries more for each law, and hardly any law is broken.
    results = {
        check: result
        for check, result in _validate(source, mart, laws, key, rows.get(mart, 0), "BOOLEAN_ONLY").items()
        if result.passed
    }
    # Rows of a query come only with COMPLETE (200 at most); for the other expectations COMPLETE would fetch them all.
    doubtful = [law for law in laws if law.check not in results]
    queries = [law for law in doubtful if law.expect == "no_rows"]
    columns = [law for law in doubtful if law.expect != "no_rows"]
    for group, result_format in ((columns, "SUMMARY"), (queries, "COMPLETE")):
        if group:
            results |= _validate(source, mart, group, key, rows.get(mart, 0), result_format)
    return [results[law.check] for law in laws]


def _validate(
    source: Any, mart: str, laws: Sequence[Law], key: str | None, rows: int, result_format: str
) -> dict[str, CheckResult]:
    import great_expectations as gx

    by_check = {law.check: law for law in laws}
    is_brief = result_format == "BOOLEAN_ONLY"
    wanted: dict[str, Any] = {"result_format": result_format, "partial_unexpected_count": EVIDENCE_ROWS}
    if key and result_format == "SUMMARY":
        wanted["unexpected_index_column_names"] = [key]
    try:
        # A query asset: DuckDB's dialect cannot describe a table asset's columns.
        asset = source.add_query_asset(f"{mart}_{result_format}", query=f"select * from marts.{mart}")
        batch = asset.add_batch_definition_whole_table("whole").get_batch()
        suite = gx.ExpectationSuite(name=mart, expectations=[_expectation(law, key) for law in laws])
        outcome = batch.validate(suite, result_format=wanted)
    # Whatever stops Great Expectations stops the audit of this mart, and is told as that.
    except Exception as error:
        return {law.check: _unevaluated(law, first_line(error)) for law in laws}
    results = {}
    for result in outcome.results:
        law = by_check[result.expectation_config.meta["check"]]
        results[law.check] = _verdict_alone(law, result, rows) if is_brief else _result(law, result, rows)
    return {law.check: results.get(law.check) or _unevaluated(law, "it gave no result") for law in laws}


def _expectation(law: Law, key: str | None) -> Any:
    from great_expectations import expectations as gxe

    meta = {"check": law.check}
    match law.expect:
        case "unique" if len(law.columns) == 1:
            return gxe.ExpectColumnValuesToBeUnique(column=law.columns[0], meta=meta)
        case "unique":
            # Without one of its keys a row (an attempt of a lost quiz) is only known by its primary key.
            return gxe.ExpectCompoundColumnsToBeUnique(
                column_list=list(law.columns), ignore_row_if="any_value_is_missing", meta=meta
            )
        case "not_null":
            return gxe.ExpectColumnValuesToNotBeNull(column=law.columns[0], meta=meta)
        case "one_of":
            return gxe.ExpectColumnValuesToBeInSet(column=law.columns[0], value_set=list(law.values), meta=meta)
        case "no_rows":
            shown = ", ".join(f"m.{column}" for column in dict.fromkeys((*((key,) if key else ()), *law.columns)))
            query = f"select {shown} from (select * from {{batch}}) as m {law.joins} where {law.breach}"
            return gxe.UnexpectedRowsExpectation(unexpected_rows_query=query, meta=meta)


def _verdict_alone(law: Law, result: Any, rows: int) -> CheckResult:
    """A pass; anything else is only a reason to look again."""
    if result.success and _internal_error(result.exception_info) is None:
        return verdict(law.check, law.mart, law.claim, rows, 0, kind=law.kind)
    return _unevaluated(law, "it did not pass")


def _result(law: Law, result: Any, rows: int) -> CheckResult:
    error = _internal_error(result.exception_info)
    if error is not None:
        return _unevaluated(law, error)
    found = result.result
    if law.expect == "no_rows":
        failed, evidence = int(found["observed_value"]), found["details"]["unexpected_rows"]
    else:
        # A table without rows gives no count.
        failed = int(found["unexpected_count"] or 0)
        # Several columns together come with their values instead of the key.
        keyed = found.get("partial_unexpected_index_list") or found.get("partial_unexpected_list") or []
        evidence = [row for row in keyed if isinstance(row, dict)]
    if bool(result.success) != (failed == 0):
        return _unevaluated(law, f"its verdict and its {failed} failed rows contradict each other")
    return verdict(law.check, law.mart, law.claim, rows, failed, evidence, law.kind)


def _internal_error(info: Mapping[str, Any]) -> str | None:
    """The message of an expectation's own error: it would otherwise read as a failed expectation without rows."""
    if "raised_exception" in info:
        info = {"": info}
    for raised in info.values():
        if raised.get("raised_exception"):
            return first_line(raised.get("exception_message") or "an error without a message")
    return None


def _unevaluated(law: Law, why: str) -> CheckResult:
    return broken(law.check, law.mart, f"The law could not be checked ({law.claim}): {why}")
