-- One row for each version of a course module that moved since the last build.
select
    _source as source,
    id as course_module_id
from {{ source('touched', 'moodle_course_modules') }}
