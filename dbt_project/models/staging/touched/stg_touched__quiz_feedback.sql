-- One row for each version of a feedback band of a quiz that moved since the last build.
select
    _source as source,
    quizid as quiz_id
from {{ source('touched', 'moodle_quiz_feedback') }}
