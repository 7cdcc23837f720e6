-- One row for each event that was logged since the last build.
select
    _source as source,
    id as log_id
from {{ source('touched', 'moodle_logstore_standard_log') }}
