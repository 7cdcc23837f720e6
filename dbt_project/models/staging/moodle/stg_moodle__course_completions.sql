-- One row for each account and course.
select
    _source as source,
    id as course_completion_id,
    userid as user_id,
    course as course_id,
    {{ epoch_to_utc("timeenrolled") }} as enrolled_at,
    {{ epoch_to_utc("timestarted") }} as started_at,
    {{ epoch_to_utc("timecompleted") }} as completed_at,
    {{ epoch_to_utc("reaggregate") }} as reaggregate_at
from {{ source('landing', 'moodle_course_completions') }}
