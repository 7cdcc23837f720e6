-- One row for each version of a course that moved since the last build.
select
    _source as source,
    id as course_id
from {{ source('touched', 'moodle_course') }}
