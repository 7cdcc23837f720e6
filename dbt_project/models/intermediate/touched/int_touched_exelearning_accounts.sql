{{ config(materialized='table') }}
-- One row for each eXeLearning activity and account whose attempts and grades must be worked out again.
with attempts as (
    select * from {{ ref('stg_moodle__exelearning_attempt') }}
),

touched_attempts as (
    select * from {{ ref('stg_touched__exelearning_attempt') }}
),

touched_statements as (
    select * from {{ ref('stg_touched__exelearning_tracking_events') }}
),

touched_exelearnings as (
    select * from {{ ref('stg_touched__exelearning') }}
),

touched_items as (
    select * from {{ ref('stg_touched__exelearning_grade_item') }}
),

touched_grade_items as (
    select * from {{ ref('stg_touched__grade_items') }}
),

touched_log as (
    select * from {{ ref('int_touched_log_events') }}
),

-- What decides attempts and grades of an activity: its own settings, its gradable parts, its columns in the gradebook.
activities as (
    select
        source,
        exelearning_id
    from touched_exelearnings
    union
    select
        source,
        exelearning_id
    from touched_items
    union
    select
        source,
        item_instance_id as exelearning_id
    from touched_grade_items
    where item_module = 'exelearning'
),

touched as (
    select
        source,
        exelearning_id,
        user_id
    from touched_attempts
    union
    select
        source,
        exelearning_id,
        user_id
    from touched_statements
    union
    select
        source,
        subject_id as exelearning_id,
        subject_user_id as user_id
    from touched_log
    where
        activity_type = 'exelearning'
        and event <> 'reset'
    union
    select
        attempts.source,
        attempts.exelearning_id,
        attempts.user_id
    from attempts
    inner join activities
        on attempts.source = activities.source
        and attempts.exelearning_id = activities.exelearning_id
)

select * from touched
