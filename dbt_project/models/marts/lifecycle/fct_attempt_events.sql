{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['lifecycle_key'], meta={'touched_by': 'int_touched_lifecycles'}
) }}
-- One row for each event of an attempt's life.
select
    event_key,
    lifecycle_key,
    source,
    activity_type,
    attempt_key,
    activity_key,
    course_key,
    user_key,
    cast(attempt_number as integer) as attempt_number,
    event,
    cast(generation as integer) as generation,
    cast(occurrence as integer) as occurrence,
    occurred_at,
    channel,
    done_by,
    origin,
    operation,
    education_level,
    reported_score,
    reported_status,
    is_score_final,
    is_status_final,
    source_of_event,
    cast(log_id as varchar) as log_id,
    is_repeated,
    is_attempt_present
from {{ ref('int_attempt_events') }} as attempt_events
where {{ only_touched('int_touched_lifecycles', {
    'lifecycle_key': 'attempt_events.lifecycle_key',
}) }}
