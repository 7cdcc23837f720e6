-- One row for each version of a account and course module that moved since the last build.
select
    _source as source,
    id as activity_completion_id
from {{ source('touched', 'moodle_course_modules_completion') }}
