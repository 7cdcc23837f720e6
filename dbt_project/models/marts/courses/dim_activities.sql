-- One row for each activity of any type.
with activities as (
    select * from {{ ref('int_activities') }}
)

select
    activity_key,
    source,
    activity_type,
    cast(activity_id as varchar) as activity_id,
    cast(course_module_id as varchar) as course_module_id,
    course_key,
    cast(section_number as integer) as section,
    section_name,
    cast(position as integer) as position,
    name,
    id_number,
    url,
    grade_method,
    question_behaviour,
    navigation_method,
    overdue_handling,
    completion_tracking,
    cast(max_grade as decimal(18, 5)) as max_grade,
    cast(pass_grade as decimal(18, 5)) as pass_grade,
    cast(max_attempts as integer) as max_attempts,
    cast(time_limit_seconds as bigint) as time_limit_seconds,
    cast(grace_period_seconds as bigint) as grace_period_seconds,
    is_tracked,
    is_visible,
    is_section_visible,
    is_course_visible,
    is_deleted,
    opens_at,
    closes_at,
    completion_expected_at,
    added_at
from activities
