-- One row for each version of a question version that moved since the last build.
select
    _source as source,
    id as question_id
from {{ source('touched', 'moodle_question') }}
