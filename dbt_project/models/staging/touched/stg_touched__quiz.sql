-- One row for each version of a quiz that moved since the last build.
select
    _source as source,
    id as quiz_id
from {{ source('touched', 'moodle_quiz') }}
