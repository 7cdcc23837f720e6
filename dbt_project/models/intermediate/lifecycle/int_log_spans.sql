-- One row for each source and activity type with logged lives: from when to when the log tells of them.
with log_events as (
    select * from {{ ref('int_log_events') }}
),

attempts as (
    select * from {{ ref('int_attempts') }}
),

begun as (
    select
        source,
        max(started_at) as last_started_at
    from attempts
    where not is_preview
    group by source
),

ended as (
    select
        source,
        max(occurred_at) as ends_at
    from log_events
    group by source
),

spans as (
    select
        log_events.source,
        log_events.activity_type,
        min(log_events.occurred_at) as begins_at
    from log_events
    where
        log_events.event = 'started'
        and log_events.rejected_rule is null
    group by log_events.source, log_events.activity_type
),

joined as (
    select
        spans.*,
        ended.ends_at,
        -- attempts went on for more than a day, and nothing was logged any more
        coalesce(begun.last_started_at > ended.ends_at + interval 1 day, false) as is_silent
    from spans
    inner join ended
        on spans.source = ended.source
    left join begun
        on spans.source = begun.source
)

select * from joined
