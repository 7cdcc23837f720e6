-- One row for each version of a SCORM activity that moved since the last build.
select
    _source as source,
    id as scorm_id
from {{ source('touched', 'moodle_scorm') }}
