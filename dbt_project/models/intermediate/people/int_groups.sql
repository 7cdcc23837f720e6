-- One row for each group of a course.
with moodle_groups as (
    select * from {{ ref('stg_moodle__groups') }}
),

keyed as (
    select
        source,
        group_id,
        {{ key('source', 'group_id') }} as group_key,
        {{ key('source', 'course_id') }} as course_key,
        name,
        nullif(id_number, '') as id_number,
        created_at
    from moodle_groups
)

select * from keyed
