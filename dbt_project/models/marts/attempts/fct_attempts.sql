{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['activity_key', 'user_key'], meta={'touched_by': 'int_touched_activity_accounts'}
) }}
-- One row for each attempt at an activity.
select
    attempt_key,
    source,
    activity_type,
    attempt_id,
    activity_key,
    course_key,
    user_key,
    cast(attempt_number as integer) as attempt_number,
    channel,
    state,
    outcome,
    url,
    raw_score,
    max_score,
    score_scaled,
    grade,
    cast(items_total as integer) as items_total,
    cast(items_answered as integer) as items_answered,
    cast(duration_seconds as bigint) as duration_seconds,
    is_preview,
    is_first,
    is_last,
    is_counted,
    is_graded_attempt,
    needs_grading,
    is_completed_on_first_commit,
    is_score_clamped,
    cast(items_stale as integer) as items_stale,
    cast(items_removed as integer) as items_removed,
    started_at,
    submitted_at,
    completed_at,
    last_activity_at
from {{ ref('int_attempts') }} as attempts
where {{ only_touched('int_touched_activity_accounts', {
    'activity_key': 'attempts.activity_key',
    'user_key': 'attempts.user_key',
}) }}
