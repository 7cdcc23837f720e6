-- One row for each course; the site's front page is none.
with courses as (
    select * from {{ ref('int_courses') }}
)

select
    course_key,
    source,
    cast(course_id as varchar) as course_id,
    short_name,
    full_name,
    id_number,
    category_path,
    format,
    url,
    is_visible,
    is_completion_enabled,
    false as is_deleted,
    starts_at,
    ends_at,
    created_at
from courses
