-- One row for each source: when it last came in, and whether that is recent enough.
-- status.json knows of every run; the release's own tables know of the runs up to the release.
create temp view source_freshness as
with logged as (
    select
        source,
        max(finished_at) as last_success_at
    from sync_runs
    where status = 'succeeded'
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
        coalesce(released.source, source_status.source) as source,
        released.as_of,
        greatest(source_status.last_success_at, logged.last_success_at) as last_success_at,
        if(source_status.source is null, freshness.stale_reason, source_status.stale_reason) as stale_reason
    from released
    full join source_status on released.source = source_status.source
    left join freshness on released.source = freshness.source
    left join logged on coalesce(released.source, source_status.source) = logged.source
),

said as (
    select
        *,
        regexp_replace(stale_reason, '^(it is|its|it was|it) ', '') as reason
    from joined
)

select
    source,
    as_of,
    last_success_at,
    case
        when reason is not null then upper(reason[1]) || reason[2:]
        when coalesce(last_success_at, as_of) is null then 'Never synced'
        when coalesce(last_success_at, as_of) < getvariable('now') - interval 26 hours then 'Not synced for more than a day'
        else 'Up to date'
    end as verdict
from said
