"""Schema `monitoring`: how the warehouse fares, as tables, from the run ledger and the landing's ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from orchestration.ops import Ops
from orchestration.settings import Settings

_MOMENT = pl.Datetime("us", "UTC")
_COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "sync_runs": {
        "run_id": pl.String, "source": pl.String, "kind": pl.String, "mode": pl.String, "reason": pl.String,
        "started_at": _MOMENT, "finished_at": _MOMENT, "status": pl.String, "error": pl.String,
        "rows_read": pl.Int64, "rows_landed": pl.Int64, "rows_deleted": pl.Int64, "as_of": _MOMENT,
        "batch_id": pl.Int64,
    },
    "quality_results": {
        "run_id": pl.String, "stage": pl.String, "checked_at": _MOMENT, "check": pl.String, "kind": pl.String,
        "mart": pl.String, "passed": pl.Boolean, "blocks": pl.Boolean, "rows_checked": pl.Int64,
        "rows_failed": pl.Int64, "message": pl.String, "evidence": pl.String,
    },
    "findings": {
        "anomaly_key": pl.String, "rule": pl.String, "source": pl.String, "first_seen_at": _MOMENT,
        "last_seen_at": _MOMENT, "status": pl.String, "waived_until": _MOMENT,
    },
    "waivers": {
        "check": pl.String, "key": pl.String, "reason": pl.String, "until": _MOMENT, "made_at": _MOMENT,
    },
    "alerts": {
        "alert_key": pl.String, "severity": pl.String, "title": pl.String, "detail": pl.String, "opened_at": _MOMENT,
        "last_seen_at": _MOMENT, "times_seen": pl.Int64, "resolved_at": _MOMENT, "run_id": pl.String,
    },
}  # fmt: skip
_BATCHES = """
select source, stream, batch_id, mode, reason, received, accepted, duplicate, ignored, quarantined, deleted,
    committed_at
from landing.batches order by all
"""
# The id of an account stays inside: only its table is told.
_REJECTIONS = """
select _source as source, _batch_id as batch_id, reason, rule_id, pointer,
    case when "table" like 'user%' then "table" else "table" || ':' || "key" end as item_id,
    null::bigint as line, sample
from landing.moodle_quarantine order by all
"""
# Entries of the log that their event's contract cannot hold: landed as they are, read again whenever the rules change.
_REJECTED_EVENTS = """
select rejected.source, logged._batch_id as batch_id, 'event_out_of_contract' as reason, rejected_rule as rule_id,
    case
        when rejected_rule = 'event_without_moment' then '/timecreated'
        when rejected_rule = 'event_without_object' then '/objectid'
        when rejected_rule = 'event_without_learner' then '/relateduserid'
        when rejected_rule = 'attempt_number_missing' then '/other/attempt'
        when rejected_rule like 'status_%' then '/other/status'
        when rejected_rule like 'score_%' then '/other/score'
        else '/other'
    end as pointer,
    'logstore_standard_log:' || log_id as item_id, null::bigint as line, left(payload, 64) as sample
from intermediate.int_log_events as rejected
inner join landing.moodle_logstore_standard_log as logged
    on rejected.source = logged._source and rejected.log_id = logged.id
where rejected_rule is not null order by all
"""
# What a site was set to, and since which sync: its switches and the versions of its plugins.
_SITE_SETTINGS = """
select seen._source as source, coalesce(now.plugin, gone.plugin) as plugin, coalesce(now.name, gone.name) as name,
    seen.value, seen.seen_at, seen.is_gone, seen._batch_id as batch_id
from history.moodle_config_plugins_values as seen
left join landing.moodle_config_plugins as now on seen._source = now._source and seen.id = now.id
left join history.moodle_config_plugins as gone on seen._source = gone._source and seen.id = gone.id
union all
select seen._source, 'core', coalesce(now.name, gone.name), seen.value, seen.seen_at, seen.is_gone, seen._batch_id
from history.moodle_config_values as seen
left join landing.moodle_config as now on seen._source = now._source and seen.id = now.id
left join history.moodle_config as gone on seen._source = gone._source and seen.id = gone.id
order by all
"""
# How packages' attempts stood, as far as syncs saw it; the attempt's row tells only how it stands.
_ATTEMPT_STATUSES = """
with attempts as (
    select _source, exelearningid, userid, attempt,
        _source || ':exelearning:' || min(id) as attempt_key
    from landing.moodle_exelearning_attempt group by _source, exelearningid, userid, attempt
),
wholes as (
    select _source, id, exelearningid, userid, attempt from landing.moodle_exelearning_attempt where itemnumber = 0
    union all
    select _source, id, exelearningid, userid, attempt from history.moodle_exelearning_attempt where itemnumber = 0
)
select seen._source as source, attempts.attempt_key,
    seen._source || ':exelearning:' || wholes.exelearningid as activity_key,
    wholes.attempt as attempt_number, seen.status,
    lag(seen.status) over (partition by seen._source, seen.id order by seen._batch_id) as status_before,
    seen.rawscore as raw_score, seen.seen_at, seen.is_gone, seen._batch_id as batch_id
from history.moodle_exelearning_attempt_values as seen
inner join wholes on seen._source = wholes._source and seen.id = wholes.id
left join attempts on wholes._source = attempts._source and wholes.exelearningid = attempts.exelearningid
    and wholes.userid = attempts.userid and wholes.attempt = attempts.attempt
order by source, activity_key, attempt_key, attempt_number, batch_id
"""


def frames(settings: Settings, now: datetime) -> dict[str, pl.DataFrame]:
    """All tables of the schema but those that a release writes itself, by name."""
    ops = Ops(settings.data_dir)
    found = {name: _frame(ops, name, columns) for name, columns in _COLUMNS.items()}
    with duckdb.connect(str(settings.warehouse), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        found["batches"] = con.sql(_BATCHES).pl()
        found["rejections"] = pl.concat([con.sql(_REJECTIONS).pl(), _rejected_events(con)])
        found["site_settings"] = con.sql(_SITE_SETTINGS).pl()
        found["attempt_statuses"] = con.sql(_ATTEMPT_STATUSES).pl()
    found["freshness"] = _freshness(settings, now)
    return found


def _rejected_events(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    try:
        return con.sql(_REJECTED_EVENTS).pl()
    except duckdb.CatalogException:
        # Nothing was built yet.
        return con.sql(_REJECTIONS).pl().clear()


def write(warehouse: Path, tables: Mapping[str, pl.DataFrame]) -> None:
    """Put the tables into the warehouse too: a blocked candidate has no release that could carry its evidence."""
    with duckdb.connect(str(warehouse)) as con:
        con.execute("create schema if not exists monitoring")
        for name, frame in tables.items():
            con.register("arrived", frame)
            con.execute(f"create or replace table monitoring.{name} as select * from arrived")
            con.unregister("arrived")


def applied(warehouse: Path) -> dict[str, dict[str, Any]]:
    """Per source, the newest batch that the warehouse holds, and the source's clock then (ISO 8601)."""
    with duckdb.connect(str(warehouse), read_only=True) as con:
        rows = con.execute("select source, batch_id, as_of from landing.sources").fetchall()
    return {
        source: {"batch_id": batch_id, "as_of": as_of.astimezone(UTC).isoformat()} for source, batch_id, as_of in rows
    }


def findings_in(warehouse: Path) -> list[dict[str, Any]]:
    """The findings that the marts hold now: anomaly_key, rule and source; none while that mart does not exist."""
    with duckdb.connect(str(warehouse), read_only=True) as con:
        try:
            rows = con.execute("select anomaly_key, rule, source from marts.rpt_anomalies").fetchall()
        except duckdb.CatalogException:
            return []
    return [{"anomaly_key": key, "rule": rule, "source": source} for key, rule, source in rows]


def _frame(ops: Ops, table: str, columns: Mapping[str, Any]) -> pl.DataFrame:
    listed = ", ".join(f'"{name}"' for name in columns)
    rows = ops.rows(f"select {listed} from {table} order by rowid")
    read: dict[str, Any] = {name: pl.String if type_ == _MOMENT else type_ for name, type_ in columns.items()}
    booleans = [name for name, type_ in columns.items() if type_ == pl.Boolean]
    rows = [row | {name: bool(row[name]) for name in booleans} for row in rows]
    moments = [name for name, type_ in columns.items() if type_ == _MOMENT]
    frame = pl.DataFrame(rows, schema=read, orient="row").with_columns(
        pl.col(name).str.to_datetime("%+", time_unit="us", time_zone="UTC") for name in moments
    )
    # "check" is a word of SQL's own, which an analyst would have to quote.
    return frame.rename({"check": "check_name"}, strict=False)


def _freshness(settings: Settings, now: datetime) -> pl.DataFrame:
    from orchestration.status import source_states

    schema: dict[str, Any] = {
        "source": pl.String, "checked_at": _MOMENT, "last_sync_at": _MOMENT, "last_status": pl.String,
        "as_of": _MOMENT, "lag_seconds": pl.Float64, "is_stale": pl.Boolean, "stale_reason": pl.String,
    }  # fmt: skip
    states = source_states(settings, now)
    return pl.DataFrame(
        [
            (s.name, now, s.last and s.last.finished_at, s.last and s.last.status, s.as_of, s.lag_seconds,
             s.stale_reason is not None, s.stale_reason)
            for s in states
        ],
        schema=schema, orient="row",
    )  # fmt: skip
