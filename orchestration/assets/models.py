"""dbt's seeds, models and tests as assets and checks, all built by one call of dbt."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from orchestration import steps
from orchestration.assets.evidence import table
from orchestration.assets.runs import STATE, step
from orchestration.instance import WAREHOUSE_POOL
from orchestration.settings import Settings
from orchestration.transform import NodeResult, Project


class Translator(DagsterDbtTranslator):
    """dbt's sources are the load's assets, `landing/<table>`, what moved in one among it; groups are the layers."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        schema, name = dbt_resource_props["schema"], dbt_resource_props["name"]
        if schema == "touched":
            return dg.AssetKey(["landing", "sources" if name == "clock" else name])
        return dg.AssetKey([schema, name])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return str(dbt_resource_props["schema"])


def model_assets(settings: Settings, project: Project) -> dg.AssetsDefinition:
    """One asset for each seed and model, one check for each data test."""
    manifest, translator = project.manifest, Translator()

    @dbt_assets(
        manifest=manifest,
        exclude="resource_type:unit_test",
        dagster_dbt_translator=translator,
        name="build",
        pool=WAREHOUSE_POOL,
        required_resource_keys={STATE},
    )
    def build(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with step(settings, context):
            built = steps.build(settings, run_id=context.run.run_id)
            for result in built.results:
                yield from _events(context, manifest, translator, result)
            if built.breaches:
                raise dg.Failure(built.verdict, allow_retries=False)

    return build


def _events(
    context: dg.AssetExecutionContext, manifest: Mapping[str, Any], translator: Translator, result: NodeResult
) -> Iterator[Any]:
    if result.resource_type == "test":
        key = get_asset_check_key_for_test(manifest, translator, result.unique_id, None)
        if key is not None and key in context.selected_asset_check_keys and result.status != "skipped":
            yield _check_result(key, result)
        return
    asset_key = translator.get_asset_key(manifest["nodes"][result.unique_id])
    if result.status == "success" and asset_key in context.selected_asset_keys:
        counted = {} if result.rows is None else {"dagster/row_count": result.rows}
        yield dg.MaterializeResult(asset_key, metadata={"seconds": result.seconds, **counted})


def _check_result(key: dg.AssetCheckKey, result: NodeResult) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {"rows_failed": result.failures, "seconds": result.seconds}
    if result.rows is not None:
        metadata["rows_checked"] = result.rows
    if result.query:
        metadata |= {
            "failed_rows": table(result.evidence),
            "query": dg.MetadataValue.md(f"```sql\n{result.query}\n```"),
        }
    told = {"fail": f"{result.failures} rows fail.", "warn": f"{result.failures} rows fail, which is a warning."}
    return dg.AssetCheckResult(
        passed=result.status == "pass",
        description=None if result.status == "pass" else told.get(result.status, result.message),
        asset_key=key.asset_key,
        check_name=key.name,
        severity=dg.AssetCheckSeverity.WARN if result.status == "warn" else dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
    )
