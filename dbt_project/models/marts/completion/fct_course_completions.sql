-- One row for each account and course where it is enrolled, has a stored completion or a grade.
with course_progress as (
    select * from {{ ref('int_course_progress') }}
)

select
    {{ joined_key('course_key', 'user_key') }} as course_completion_key,
    source,
    course_key,
    user_key,
    status,
    started_at_source,
    completed_at_source,
    percentage,
    cast(activities_tracked as integer) as activities_tracked,
    cast(activities_completed as integer) as activities_completed,
    is_enrolled,
    is_active,
    is_tracked_learner,
    is_completion_enabled,
    is_deleted,
    enrolled_at,
    started_at,
    completed_at,
    last_access_at
from course_progress
