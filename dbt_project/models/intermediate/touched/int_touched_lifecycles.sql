{{ config(materialized='table') }}
-- One row for each quiz attempt, and each account at a package, of whose life something was logged or stored anew.
with touched_log as (
    select * from {{ ref('int_touched_log_events') }}
),

log_events as (
    select * from {{ ref('int_log_events') }}
),

quiz_attempts as (
    select * from {{ ref('int_touched_attempts') }}
),

exelearning_accounts as (
    select * from {{ ref('int_touched_exelearning_accounts') }}
),

scorm_accounts as (
    select * from {{ ref('int_touched_scorm_accounts') }}
),

user_keys as (
    select * from {{ ref('int_user_keys_then_and_now') }}
),

-- What was deleted with all of a course parts the lives before it from those after.
resets as (
    select distinct
        source,
        course_id
    from touched_log
    where event = 'reset'
),

touched as (
    select
        source,
        activity_type,
        subject_id,
        subject_user_id
    from touched_log
    where event <> 'reset'
    union
    select
        log_events.source,
        log_events.activity_type,
        log_events.subject_id,
        log_events.subject_user_id
    from log_events
    inner join resets
        on log_events.source = resets.source
        and log_events.course_id = resets.course_id
    where
        log_events.event <> 'reset'
        and log_events.rejected_rule is null
    union
    select
        source,
        'quiz' as activity_type,
        quiz_attempt_id as subject_id,
        null as subject_user_id
    from quiz_attempts
    union
    select
        source,
        'exelearning' as activity_type,
        exelearning_id as subject_id,
        user_id as subject_user_id
    from exelearning_accounts
    union
    select
        source,
        'scorm' as activity_type,
        scorm_id as subject_id,
        user_id as subject_user_id
    from scorm_accounts
),

keyed as (
    select
        touched.*,
        {{ lifecycle_key('touched', 'user_keys.user_key') }} as lifecycle_key
    from touched
    left join user_keys
        on touched.source = user_keys.source
        and touched.subject_user_id = user_keys.user_id
)

select * from keyed
where lifecycle_key is not null
