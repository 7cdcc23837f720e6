-- One row for each scale.
select
    _source as source,
    id as scale_id,
    courseid as course_id,
    name,
    scale
from {{ source('landing', 'moodle_scale') }}
