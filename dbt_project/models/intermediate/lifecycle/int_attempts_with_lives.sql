-- One row for each attempt, previews included, with the moments that its row tells of its life.
with quiz_attempts as (
    select * from {{ ref('int_quiz_attempts') }}
),

exelearning_attempts as (
    select * from {{ ref('int_exelearning_attempts') }}
),

scorm_attempts as (
    select * from {{ ref('int_scorm_attempts') }}
),

united as (
    select
        source,
        'quiz' as activity_type,
        quiz_attempt_id as subject_id,
        cast(null as bigint) as subject_user_id,
        -- each quiz attempt has an id of its own, which is never given again
        cast(null as integer) as number_in_life,
        attempt_number,
        attempt_key,
        activity_key,
        course_key,
        user_key,
        channel,
        is_preview,
        cast(null as varchar) as final_status,
        cast(null as decimal(18, 5)) as final_score,
        started_at,
        submitted_at,
        completed_at,
        case when state = 'abandoned' then modified_at end as abandoned_at
    from quiz_attempts
    union all
    select
        source,
        'exelearning' as activity_type,
        exelearning_id as subject_id,
        user_id as subject_user_id,
        attempt_number as number_in_life,
        attempt_number,
        attempt_key,
        activity_key,
        course_key,
        user_key,
        channel,
        false as is_preview,
        coalesce(outcome, status) as final_status,
        reported_score as final_score,
        started_at,
        null as submitted_at,
        completed_at,
        null as abandoned_at
    from exelearning_attempts
    union all
    select
        source,
        'scorm' as activity_type,
        scorm_id as subject_id,
        user_id as subject_user_id,
        attempt_number as number_in_life,
        attempt_number,
        attempt_key,
        activity_key,
        course_key,
        user_key,
        'scorm' as channel,
        false as is_preview,
        null as final_status,
        null as final_score,
        started_at,
        null as submitted_at,
        completed_at,
        null as abandoned_at
    from scorm_attempts
)

select * from united
