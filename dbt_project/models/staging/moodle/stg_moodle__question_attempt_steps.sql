-- One row for each question attempt and sequence number.
select
    _source as source,
    id as question_attempt_step_id,
    questionattemptid as question_attempt_id,
    questionusageid as question_usage_id,
    userid as user_id,
    sequencenumber as sequence_number,
    state,
    fraction,
    {{ epoch_to_utc("timecreated") }} as created_at
from {{ source('landing', 'moodle_question_attempt_steps') }}
