{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['activity_key', 'user_key'], meta={'touched_by': 'int_touched_activity_accounts'}
) }}
-- One row for each attempt at an activity.
with quiz_attempts as (
    select * from {{ ref('int_quiz_attempts') }}
),

exelearning_attempts as (
    select * from {{ ref('int_exelearning_attempts') }}
),

scorm_attempts as (
    select * from {{ ref('int_scorm_attempts') }}
),

attempts as (
    select
        attempt_key,
        source,
        'quiz' as activity_type,
        cast(quiz_attempt_id as varchar) as attempt_id,
        activity_key,
        course_key,
        user_key,
        attempt_number,
        channel,
        state,
        outcome,
        url,
        raw_score,
        quiz_sum as max_score,
        score_scaled,
        grade,
        items_total,
        items_answered,
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
    union all
    select
        attempt_key,
        source,
        'exelearning' as activity_type,
        cast(exelearning_attempt_id as varchar) as attempt_id,
        activity_key,
        course_key,
        user_key,
        attempt_number,
        channel,
        state,
        outcome,
        null as url,
        raw_score,
        max_score,
        score_scaled,
        grade,
        items_total,
        items_answered,
        duration_seconds,
        false as is_preview,
        is_first,
        is_last,
        is_counted,
        is_graded_attempt,
        false as needs_grading,
        started_at,
        completed_at as submitted_at,
        completed_at,
        last_activity_at
    from exelearning_attempts
    union all
    select
        attempt_key,
        source,
        'scorm' as activity_type,
        attempt_id,
        activity_key,
        course_key,
        user_key,
        attempt_number,
        'scorm' as channel,
        state,
        outcome,
        null as url,
        score as raw_score,
        max_score,
        score_scaled,
        score as grade,
        items_total,
        items_answered,
        duration_seconds,
        false as is_preview,
        is_first,
        is_last,
        is_counted,
        is_graded_attempt,
        false as needs_grading,
        started_at,
        completed_at as submitted_at,
        completed_at,
        last_activity_at
    from scorm_attempts
)

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
    started_at,
    submitted_at,
    completed_at,
    last_activity_at
from attempts
where {{ only_touched('int_touched_activity_accounts', {
    'activity_key': 'attempts.activity_key',
    'user_key': 'attempts.user_key',
}) }}
