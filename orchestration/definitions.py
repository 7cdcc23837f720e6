"""The entry point for Dagster: `dagster dev -m orchestration.definitions`.

The configuration is `$ROLLBOOK_CONFIG`, else `./rollbook.toml`. Loading reads it and dbt's manifest (dbt parses the
project first where that is missing or old); no source, secret or database is touched.
"""

from __future__ import annotations

import dagster as dg

from orchestration import jobs
from orchestration.assets.audit import audit_checks
from orchestration.assets.landing import landing_assets
from orchestration.assets.models import model_assets
from orchestration.assets.published import release_asset, status_asset
from orchestration.assets.runs import STATE, StateLock
from orchestration.settings import Settings, load_settings
from orchestration.transform import Project


def define(settings: Settings) -> dg.Definitions:
    """All definitions of one configuration. Steps run in the run's own process: on one machine, nothing is faster."""
    project = Project(settings)
    audit = audit_checks(settings, project)
    return dg.Definitions(
        assets=[
            landing_assets(settings),
            model_assets(settings, project),
            release_asset(settings, project),
            status_asset(settings),
        ],
        asset_checks=[audit],
        jobs=jobs.jobs(settings, audit),
        schedules=jobs.schedules(settings),
        sensors=[jobs.failure_sensor(settings), jobs.dead_run_sensor(settings)],
        resources={STATE: StateLock(data_dir=str(settings.data_dir))},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    return define(load_settings())
