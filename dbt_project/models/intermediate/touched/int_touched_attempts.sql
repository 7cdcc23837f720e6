{{ config(materialized='table') }}
-- One row for each quiz attempt that must be worked out again: those that moved, and their neighbours in quiz and account.
with attempts as (
    select * from {{ ref('stg_moodle__quiz_attempts') }}
),

touched_attempts as (
    select * from {{ ref('stg_touched__quiz_attempts') }}
),

quiz_accounts as (
    select * from {{ ref('int_touched_quiz_accounts') }}
),

touched_log as (
    select * from {{ ref('int_touched_log_events') }}
),

touched as (
    select
        source,
        quiz_attempt_id
    from touched_attempts
    union
    -- that it was begun in the mobile app only the log tells
    select
        source,
        subject_id as quiz_attempt_id
    from touched_log
    where
        activity_type = 'quiz'
        and event = 'started'
        and origin = 'ws'
    union
    select
        attempts.source,
        attempts.quiz_attempt_id
    from attempts
    inner join quiz_accounts
        on attempts.source = quiz_accounts.source
        and attempts.quiz_id is not distinct from quiz_accounts.quiz_id
        and attempts.user_id is not distinct from quiz_accounts.user_id
)

select * from touched
