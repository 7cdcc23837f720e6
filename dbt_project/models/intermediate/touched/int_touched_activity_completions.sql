{{ config(materialized='table') }}
-- One row for each stored completion state that must be read again.
with completions as (
    select * from {{ ref('stg_moodle__course_modules_completion') }}
),

course_modules as (
    select * from {{ ref('stg_moodle__course_modules') }}
),

touched_completions as (
    select * from {{ ref('stg_touched__course_modules_completion') }}
),

touched_course_modules as (
    select * from {{ ref('stg_touched__course_modules') }}
),

touched_module_types as (
    select * from {{ ref('stg_touched__modules') }}
),

touched_courses as (
    select * from {{ ref('stg_touched__course') }}
),

placed as (
    select
        source,
        course_module_id
    from touched_course_modules
    union
    select
        course_modules.source,
        course_modules.course_module_id
    from course_modules
    inner join touched_module_types
        on course_modules.source = touched_module_types.source
        and course_modules.module_type_id = touched_module_types.module_type_id
    union
    select
        course_modules.source,
        course_modules.course_module_id
    from course_modules
    inner join touched_courses
        on course_modules.source = touched_courses.source
        and course_modules.course_id = touched_courses.course_id
),

touched as (
    select
        source,
        activity_completion_id
    from touched_completions
    union
    select
        completions.source,
        completions.activity_completion_id
    from completions
    inner join placed
        on completions.source = placed.source
        and completions.course_module_id = placed.course_module_id
),

keyed as (
    select
        *,
        {{ key('source', 'activity_completion_id') }} as completion_key
    from touched
)

select * from keyed
