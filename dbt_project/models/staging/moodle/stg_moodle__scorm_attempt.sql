-- One row for each attempt of an account at a SCORM activity, since Moodle 4.3.
select
    _source as source,
    id as scorm_attempt_id,
    userid as user_id,
    scormid as scorm_id,
    attempt as attempt_number
from {{ source('landing', 'moodle_scorm_attempt') }}
