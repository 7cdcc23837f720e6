-- One row for each source: when it last came in, and whether that is recent enough.
-- status.json knows of every run; the release's own run log knows of the runs up to the release.
create temp view source_freshness as
with runs as (
    select
        source,
        status,
        mode,
        try_cast(started_at as timestamptz) as started_at,
        try_cast(finished_at as timestamptz) as finished_at
    from sync_runs
    where status in ('succeeded', 'failed')
),

logged as (
    select
        source,
        max(finished_at) filter (where status = 'succeeded') as last_success_at,
        arg_max(status, started_at) as state
    from runs
    group by source
),

released as (
    select
        each.key as source,
        try_cast(each.value ->> '$' as timestamptz) as as_of
    from current_release
    cross join json_each(current_release.as_of_by_source) as each
),

joined as (
    select
        coalesce(released.source, source_status.source, logged.source) as source,
        released.as_of,
        coalesce(source_status.state, logged.state) as state,
        greatest(source_status.last_success_at, logged.last_success_at) as last_success_at
    from released
    full join source_status on released.source = source_status.source
    full join logged on coalesce(released.source, source_status.source) = logged.source
)

select
    source,
    as_of,
    last_success_at,
    case
        when state = 'disabled' then 'Switched off'
        when state = 'failed' then 'Last sync failed'
        when coalesce(last_success_at, as_of) < getvariable('now') - interval 24 hours then 'Late'
        when coalesce(last_success_at, as_of) is null then 'Never synced'
        else 'Up to date'
    end as verdict
from joined
