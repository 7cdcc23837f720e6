-- One row for each question usage and slot.
select
    _source as source,
    id as question_attempt_id,
    questionusageid as question_usage_id,
    questionid as question_id,
    slot,
    behaviour,
    variant,
    maxmark as max_mark,
    minfraction as min_fraction,
    maxfraction as max_fraction,
    responsesummary_length as response_length,
    responsesummary_sha256 as response_sha256,
    flagged = 1 as is_flagged,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_question_attempts') }}
