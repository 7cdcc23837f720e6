{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['attempt_key'], meta={'touched_by': 'int_touched_attempts'}
) }}
-- One row for each attempt at an activity.
with quiz_attempts as (
    select * from {{ ref('int_quiz_attempts') }}
)

select
    attempt_key,
    source,
    'quiz' as activity_type,
    cast(quiz_attempt_id as varchar) as attempt_id,
    activity_key,
    course_key,
    user_key,
    cast(attempt_number as integer) as attempt_number,
    channel,
    state,
    outcome,
    url,
    raw_score,
    quiz_sum as max_score,
    score_scaled,
    grade,
    cast(items_total as integer) as items_total,
    cast(items_answered as integer) as items_answered,
    duration_seconds,
    is_preview,
    is_first,
    is_last,
    is_counted,
    is_graded_attempt,
    needs_grading,
    started_at,
    submitted_at,
    completed_at,
    last_activity_at
from quiz_attempts
where {{ only_touched('int_touched_attempts', {'attempt_key': 'quiz_attempts.attempt_key'}) }}
