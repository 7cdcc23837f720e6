-- One row for each gradebook item of any type.
with grade_items as (
    select * from {{ ref('stg_moodle__grade_items') }}
),

categories as (
    select * from {{ ref('stg_moodle__grade_categories') }}
),

scales as (
    select * from {{ ref('stg_moodle__scale') }}
),

courses as (
    select * from {{ ref('int_courses') }}
),

sources as (
    select * from {{ ref('stg_landing__sources') }}
),

joined as (
    select
        grade_items.source,
        grade_items.grade_item_id,
        grade_items.course_id,
        {{ key('grade_items.source', 'grade_items.grade_item_id') }} as grade_item_key,
        courses.course_key,
        case
            when grade_items.item_type = 'mod' then
                {{ key('grade_items.source', 'grade_items.item_module', 'grade_items.item_instance_id') }}
        end as activity_key,
        grade_items.item_type,
        grade_items.item_module as activity_type,
        grade_items.item_number,
        -- a total is named after what it sums: its category ('?' is Moodle's nameless top), or its course
        coalesce(
            nullif(grade_items.item_name, ''),
            case when grade_items.item_type = 'category' then nullif(own_categories.full_name, '?') end,
            case when grade_items.item_type = 'course' then courses.full_name end
        ) as name,
        nullif(parent_categories.full_name, '?') as category_name,
        {{ moodle_word('grade_type', 'grade_items.grade_type') }} as grade_type,
        scales.scale,
        grade_items.sort_order as position,
        grade_items.min_grade,
        grade_items.max_grade,
        nullif(grade_items.pass_grade, 0) as pass_grade,
        grade_items.mult_factor as multiplied_by,
        grade_items.plus_factor as offset_by,
        coalesce(grade_items.is_hidden, false) or coalesce(grade_items.hidden_until > sources.as_of, false) as is_hidden,
        grade_items.locked_at is not null as is_locked,
        coalesce(grade_items.needs_update, false) as needs_update
    from grade_items
    left join courses
        on grade_items.source = courses.source
        and grade_items.course_id = courses.course_id
    left join categories as parent_categories
        on grade_items.source = parent_categories.source
        and grade_items.grade_category_id = parent_categories.grade_category_id
    left join categories as own_categories
        on grade_items.source = own_categories.source
        and grade_items.item_instance_id = own_categories.grade_category_id
    left join scales
        on grade_items.source = scales.source
        and grade_items.scale_id = scales.scale_id
    left join sources
        on grade_items.source = sources.source
)

select * from joined
