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

log_events as (
    select * from {{ ref('int_log_events') }}
),

touched as (
    select
        source,
        quiz_attempt_id
    from touched_attempts
    union
    -- that it was begun in the mobile app only the log tells
    select
        log_events.source,
        log_events.subject_id as quiz_attempt_id
    from log_events
    inner join touched_log
        on log_events.source = touched_log.source
        and log_events.log_id = touched_log.log_id
    where
        log_events.activity_type = 'quiz'
        and log_events.event = 'started'
        and log_events.origin = 'ws'
        and log_events.rejected_rule is null
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
