-- One row for each version of a question attempt that moved since the last build.
select
    _source as source,
    questionusageid as question_usage_id
from {{ source('touched', 'moodle_question_attempts') }}
