-- One row for each group.
select
    _source as source,
    id as group_id,
    courseid as course_id,
    idnumber as id_number,
    name,
    {{ epoch_to_utc("timecreated") }} as created_at,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_groups') }}
