-- One row for each account and course.
select
    _source as source,
    id as user_lastaccess_id,
    userid as user_id,
    courseid as course_id,
    {{ epoch_to_utc("timeaccess") }} as accessed_at
from {{ source('landing', 'moodle_user_lastaccess') }}
