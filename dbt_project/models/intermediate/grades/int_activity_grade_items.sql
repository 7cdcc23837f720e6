-- One row for each activity and item number that has a gradebook item.
with grade_items as (
    select * from {{ ref('stg_moodle__grade_items') }}
),

activity_items as (
    select
        source,
        grade_item_id,
        course_id,
        item_module as activity_type,
        item_instance_id as activity_id,
        coalesce(item_number, 0) as item_number,
        grade_type,
        min_grade,
        max_grade,
        -- a pass grade at the item's minimum says "none", and so does 0 on a scale
        case
            when pass_grade = min_grade then null
            when grade_type = {{ moodle_number('grade_type', 'scale') }} and pass_grade = 0 then null
            else pass_grade
        end as pass_grade,
        needs_update,
        is_hidden,
        locked_at,
        lock_at
    from grade_items
    where item_type = 'mod'
    -- Moodle refuses to grade an activity with two items of one number; the first one made stands
    qualify row_number() over (
        partition by source, item_module, item_instance_id, coalesce(item_number, 0)
        order by grade_item_id
    ) = 1
)

select * from activity_items
