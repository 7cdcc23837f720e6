-- One row for each version of a value that a SCO reported that moved since the last build.
select
    _source as source,
    attemptid as scorm_attempt_id
from {{ source('touched', 'moodle_scorm_scoes_value') }}
