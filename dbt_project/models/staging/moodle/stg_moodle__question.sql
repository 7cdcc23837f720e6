-- One row for each question version.
select
    _source as source,
    id as question_id,
    parent as parent_question_id,
    name,
    defaultmark as default_mark,
    penalty,
    qtype as question_type,
    length,
    {{ epoch_to_utc("timecreated") }} as created_at,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_question') }}
