-- One row for each account and activity viewed.
select
    _source as source,
    id as activity_view_id,
    coursemoduleid as course_module_id,
    userid as user_id,
    {{ epoch_to_utc("timecreated") }} as created_at
from {{ source('landing', 'moodle_course_modules_viewed') }}
