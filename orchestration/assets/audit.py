"""The audit as asset checks: one for the laws of each mart, one for the growth of findings. They gate the release."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration import steps
from orchestration.assets.evidence import table
from orchestration.assets.runs import STATE, step
from orchestration.instance import WAREHOUSE_POOL
from orchestration.settings import Settings
from orchestration.transform import Project

if TYPE_CHECKING:
    from serving.audit import CheckResult

LAWS = "laws_hold"
GROWTH = "findings_within_growth"
_FINDINGS = dg.AssetKey(["marts", "rpt_anomalies"])


def audit_checks(settings: Settings, project: Project) -> dg.AssetChecksDefinition:
    """The blocking checks of all marts, made by one audit of the candidate."""
    marts = [dg.AssetKey(["marts", name]) for name in sorted(project.primary_keys)]
    specs = [
        dg.AssetCheckSpec(
            LAWS,
            asset=mart,
            blocking=True,
            description="Keys, grain, states and bounds hold; nothing lost or invented.",
        )
        for mart in marts
    ]
    specs.append(
        dg.AssetCheckSpec(
            GROWTH,
            asset=_FINDINGS,
            blocking=True,
            description="No rule's findings grew, against the live release, by more than max_growth_percent.",
        )
    )

    @dg.multi_asset_check(
        name="audit", specs=specs, can_subset=True, pool=WAREHOUSE_POOL, required_resource_keys={STATE}
    )
    def audit(context: dg.AssetCheckExecutionContext) -> Iterator[Any]:
        with step(settings, context):
            report = steps.audit(settings, run_id=context.run.run_id)
            for key in sorted(context.selected_asset_check_keys, key=str):
                yield _verdict(key, [result for result in report.results if _key(result, marts) == key])

    return audit


def _key(result: "CheckResult", marts: Sequence[dg.AssetKey]) -> dg.AssetCheckKey:
    """The check that a result counts for; one about a table that is no mart counts for the findings."""
    mart = dg.AssetKey(["marts", result.mart])
    if result.kind == "source":
        return dg.AssetCheckKey(_FINDINGS, GROWTH)
    return dg.AssetCheckKey(mart if mart in marts else _FINDINGS, LAWS)


def _verdict(key: dg.AssetCheckKey, results: Sequence["CheckResult"]) -> dg.AssetCheckResult:
    failed = [result for result in results if not result.passed]
    told = failed or (results if key.name == GROWTH else [])
    metadata: dict[str, Any] = {
        "checks": len(results),
        "failed": len(failed),
        "rows_failed": sum(result.rows_failed for result in failed),
        "results": table(
            [
                {
                    "check": result.check,
                    "passed": "yes" if result.passed else "no",
                    "rows checked": result.rows_checked,
                    "rows failed": result.rows_failed,
                    "what": result.message,
                }
                for result in told
            ]
        ),
    }
    for result in failed[:5]:
        metadata[f"rows: {result.check}"] = table(result.evidence)
    return dg.AssetCheckResult(
        passed=not failed,
        asset_key=key.asset_key,
        check_name=key.name,
        description=" ".join(result.message for result in failed[:5]) or None,
        severity=dg.AssetCheckSeverity.ERROR if any(result.blocks for result in failed) else dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )
