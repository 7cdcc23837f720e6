-- One row for each course.
select
    _source as source,
    id as course_id,
    category as course_category_id,
    shortname as short_name,
    fullname as full_name,
    idnumber as id_number,
    format,
    visible = 1 as is_visible,
    enablecompletion = 1 as is_completion_enabled,
    {{ epoch_to_utc("startdate") }} as starts_at,
    {{ epoch_to_utc("enddate") }} as ends_at,
    {{ epoch_to_utc("timecreated") }} as created_at,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_course') }}
