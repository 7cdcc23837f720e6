-- One row for each value that a SCO reported, as Moodle keeps them until 4.2.
select
    _source as source,
    id as scorm_track_id,
    userid as user_id,
    scormid as scorm_id,
    scoid as sco_id,
    attempt as attempt_number,
    element,
    value,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_scorm_scoes_track') }}
