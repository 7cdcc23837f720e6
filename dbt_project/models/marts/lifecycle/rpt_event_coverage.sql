-- One row for each source, activity type and event of an attempt's life.
with attempt_events as (
    select * from {{ ref('int_attempt_events') }}
),

attempts as (
    select * from {{ ref('int_attempts') }}
),

log_spans as (
    select * from {{ ref('int_log_spans') }}
),

expected as (
    select
        source,
        activity_type,
        count(*) as attempts,
        count(started_at) as started,
        count(submitted_at) as submitted,
        count(completed_at) as completed,
        count(abandoned_at) as abandoned
    from attempts
    where not is_preview
    group by source, activity_type
),

told as (
    select
        source,
        activity_type,
        event,
        count(*) filter (where source_of_event = 'log') as events_logged,
        count(*) filter (where source_of_event = 'attempt') as events_derived,
        count(*) filter (where is_repeated) as events_repeated,
        count(*) filter (where channel = 'mobile') as events_from_mobile,
        count(distinct attempt_key) filter (where source_of_event = 'log' and is_attempt_present) as attempts_logged,
        count(distinct attempt_key) filter (where not is_attempt_present) as attempts_gone,
        count(*) filter (where not is_score_final) as scores_not_final,
        count(*) filter (where not is_status_final) as statuses_not_final,
        min(occurred_at) filter (where source_of_event = 'log') as first_logged_at,
        max(occurred_at) filter (where source_of_event = 'log') as last_logged_at
    from attempt_events
    group by source, activity_type, event
),

joined as (
    select
        told.*,
        expected.attempts,
        case told.event
            when 'started' then expected.started
            when 'submitted' then expected.submitted
            when 'completed' then expected.completed
            when 'abandoned' then expected.abandoned
        end as attempts_expected,
        log_spans.begins_at as log_begins_at,
        log_spans.ends_at as log_ends_at,
        coalesce(log_spans.is_silent, false) as is_log_silent
    from told
    left join expected
        on told.source = expected.source
        and told.activity_type = expected.activity_type
    left join log_spans
        on told.source = log_spans.source
        and told.activity_type = log_spans.activity_type
)

select
    {{ key('source', 'activity_type', 'event') }} as coverage_key,
    source,
    activity_type,
    event,
    coalesce(attempts, 0) as attempts,
    attempts_expected,
    attempts_logged,
    attempts_gone,
    events_logged,
    events_derived,
    events_repeated,
    events_from_mobile,
    scores_not_final,
    statuses_not_final,
    first_logged_at,
    last_logged_at,
    log_begins_at,
    log_ends_at,
    is_log_silent
from joined
