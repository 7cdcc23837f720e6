-- One row for each version of a stored quiz grade that moved since the last build.
select
    _source as source,
    quiz as quiz_id,
    userid as user_id
from {{ source('touched', 'moodle_quiz_grades') }}
