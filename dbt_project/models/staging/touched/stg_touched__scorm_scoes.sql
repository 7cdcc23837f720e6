-- One row for each version of a part of a SCORM package that moved since the last build.
select
    _source as source,
    scorm as scorm_id
from {{ source('touched', 'moodle_scorm_scoes') }}
