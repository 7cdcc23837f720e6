-- One row for each group of a course.
with groups as (
    select * from {{ ref('int_groups') }}
)

select
    group_key,
    source,
    cast(group_id as varchar) as group_id,
    course_key,
    name,
    id_number,
    created_at
from groups
