{{ config(materialized='table') }}
-- One row for each gradebook item and account whose gradebook row must be worked out again.
with grades as (
    select * from {{ ref('stg_moodle__grade_grades') }}
),

grade_items as (
    select * from {{ ref('stg_moodle__grade_items') }}
),

touched_grades as (
    select * from {{ ref('stg_touched__grade_grades') }}
),

touched_items as (
    select * from {{ ref('stg_touched__grade_items') }}
),

touched_settings as (
    select distinct source from {{ ref('stg_touched__config') }}
),

clock as (
    select * from {{ ref('stg_touched__clock') }}
),

-- A total's bounds follow from all items of its course, and a time that has passed hides, shows or locks.
items as (
    select
        source,
        grade_item_id
    from touched_items
    union
    select
        grade_items.source,
        grade_items.grade_item_id
    from grade_items
    inner join touched_items
        on grade_items.source = touched_items.source
        and grade_items.course_id = touched_items.course_id
    union
    select
        grade_items.source,
        grade_items.grade_item_id
    from grade_items
    inner join clock
        on grade_items.source = clock.source
        and (
            grade_items.hidden_until between clock.earlier_at and clock.later_at
            or grade_items.lock_at between clock.earlier_at and clock.later_at
        )
    union
    select
        grade_items.source,
        grade_items.grade_item_id
    from grade_items
    inner join touched_settings
        on grade_items.source = touched_settings.source
),

touched as (
    select
        source,
        grade_item_id,
        user_id
    from touched_grades
    union
    select
        grades.source,
        grades.grade_item_id,
        grades.user_id
    from grades
    inner join items
        on grades.source = items.source
        and grades.grade_item_id = items.grade_item_id
    union
    select
        grades.source,
        grades.grade_item_id,
        grades.user_id
    from grades
    inner join clock
        on grades.source = clock.source
        and (
            grades.hidden_until between clock.earlier_at and clock.later_at
            or grades.lock_at between clock.earlier_at and clock.later_at
        )
)

select * from touched
