-- One row for each version of a question usage that moved since the last build.
select
    _source as source,
    id as question_usage_id
from {{ source('touched', 'moodle_question_usages') }}
