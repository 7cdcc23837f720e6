-- One row for each activity instance of any module type.
select
    _source as source,
    id as activity_id,
    course as course_id,
    module as activity_type,
    name
from {{ source('landing', 'moodle_activity_instances') }}
