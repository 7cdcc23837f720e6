-- One row for each question usage (one for each attempt).
select
    _source as source,
    id as question_usage_id,
    contextid as context_id,
    component,
    preferredbehaviour as question_behaviour
from {{ source('landing', 'moodle_question_usages') }}
