-- One row for each value that a SCO reported, since Moodle 4.3.
select
    _source as source,
    id as scorm_value_id,
    scoid as sco_id,
    attemptid as scorm_attempt_id,
    elementid as scorm_element_id,
    value,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_scorm_scoes_value') }}
