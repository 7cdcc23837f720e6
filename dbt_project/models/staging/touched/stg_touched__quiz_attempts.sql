-- One row for each version of a quiz attempt that moved since the last build.
select
    _source as source,
    id as quiz_attempt_id,
    quiz as quiz_id,
    userid as user_id,
    uniqueid as question_usage_id
from {{ source('touched', 'moodle_quiz_attempts') }}
