-- One row for each enrolment method of a course.
select
    _source as source,
    id as enrolment_method_id,
    courseid as course_id,
    roleid as role_id,
    enrol as method,
    status,
    name,
    {{ epoch_to_utc("enrolstartdate") }} as enrol_starts_at,
    {{ epoch_to_utc("enrolenddate") }} as enrol_ends_at,
    {{ epoch_to_utc("timecreated") }} as created_at,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_enrol') }}
