-- One row for each version of a SCORM attempt that moved since the last build.
select
    _source as source,
    scormid as scorm_id,
    userid as user_id
from {{ source('touched', 'moodle_scorm_attempt') }}
