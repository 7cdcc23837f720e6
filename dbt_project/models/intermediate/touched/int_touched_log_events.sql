{{ config(materialized='table') }}
-- One row for each version of an event of the log about an attempt's life that came since the last build.
with touched_log as (
    select * from {{ ref('stg_touched__logstore_standard_log') }}
),

lifecycle_events as (
    select * from {{ ref('lifecycle_events') }}
),

touched as (
    select distinct
        touched_log.source,
        touched_log.log_id,
        lifecycle_events.activity_type,
        lifecycle_events.event,
        touched_log.object_id as subject_id,
        touched_log.course_id,
        touched_log.origin,
        case when lifecycle_events.activity_type = 'exelearning' then touched_log.related_user_id end as subject_user_id
    from touched_log
    inner join lifecycle_events
        on touched_log.event_name = lifecycle_events.event_name
)

select * from touched
