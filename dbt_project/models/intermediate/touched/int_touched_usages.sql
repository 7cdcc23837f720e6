{{ config(materialized='table') }}
-- One row for each question usage of which something moved since the last build, its questions included.
with question_attempts as (
    select * from {{ ref('stg_moodle__question_attempts') }}
),

touched_question_attempts as (
    select * from {{ ref('stg_touched__question_attempts') }}
),

touched_steps as (
    select * from {{ ref('stg_touched__question_attempt_steps') }}
),

touched_questions as (
    select * from {{ ref('stg_touched__question') }}
),

touched as (
    select
        source,
        question_usage_id
    from touched_question_attempts
    union
    select
        source,
        question_usage_id
    from touched_steps
    union
    select
        question_attempts.source,
        question_attempts.question_usage_id
    from question_attempts
    inner join touched_questions
        on question_attempts.source = touched_questions.source
        and question_attempts.question_id = touched_questions.question_id
)

select * from touched
