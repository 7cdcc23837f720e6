-- One row for each gradebook item of any type.
with grade_items as (
    select * from {{ ref('int_grade_items') }}
)

select
    grade_item_key,
    source,
    cast(grade_item_id as varchar) as grade_item_id,
    course_key,
    activity_key,
    item_type,
    activity_type,
    cast(item_number as integer) as item_number,
    name,
    category_name,
    grade_type,
    scale,
    cast(position as integer) as position,
    cast(min_grade as decimal(18, 5)) as min_grade,
    cast(max_grade as decimal(18, 5)) as max_grade,
    cast(pass_grade as decimal(18, 5)) as pass_grade,
    cast(multiplied_by as decimal(18, 5)) as multiplied_by,
    cast(offset_by as decimal(18, 5)) as offset_by,
    is_hidden,
    is_locked,
    needs_update
from grade_items
