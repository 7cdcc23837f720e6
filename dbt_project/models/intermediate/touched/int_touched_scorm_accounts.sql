{{ config(materialized='table') }}
-- One row for each SCORM activity and account whose attempts and grade must be worked out again.
with attempts as (
    select * from {{ ref('int_scorm_attempt_rows') }}
),

touched_attempts as (
    select * from {{ ref('stg_touched__scorm_attempt') }}
),

touched_tracks as (
    select * from {{ ref('stg_touched__scorm_scoes_track') }}
),

touched_values as (
    select * from {{ ref('stg_touched__scorm_scoes_value') }}
),

touched_elements as (
    select * from {{ ref('stg_touched__scorm_element') }}
),

touched_scoes as (
    select * from {{ ref('stg_touched__scorm_scoes') }}
),

touched_scorms as (
    select * from {{ ref('stg_touched__scorm') }}
),

touched_grade_items as (
    select * from {{ ref('stg_touched__grade_items') }}
),

-- What decides attempts and grades of an activity: its own settings, the parts of its package, its gradebook item.
activities as (
    select
        source,
        scorm_id
    from touched_scorms
    union
    select
        source,
        scorm_id
    from touched_scoes
    union
    select
        source,
        item_instance_id as scorm_id
    from touched_grade_items
    where item_module = 'scorm'
),

touched as (
    select
        source,
        scorm_id,
        user_id
    from touched_attempts
    union
    select
        source,
        scorm_id,
        user_id
    from touched_tracks
    union
    select
        attempts.source,
        attempts.scorm_id,
        attempts.user_id
    from attempts
    inner join touched_values
        on attempts.source = touched_values.source
        and attempts.scorm_attempt_id = touched_values.scorm_attempt_id
    union
    select
        attempts.source,
        attempts.scorm_id,
        attempts.user_id
    from attempts
    inner join activities
        on attempts.source = activities.source
        and attempts.scorm_id = activities.scorm_id
    union
    -- the words that values are kept under are few, and never change
    select
        attempts.source,
        attempts.scorm_id,
        attempts.user_id
    from attempts
    inner join touched_elements
        on attempts.source = touched_elements.source
)

select * from touched
