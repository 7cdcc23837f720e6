-- One row for each version of an event of the log that came since the last build.
select
    _source as source,
    id as log_id,
    objectid as object_id,
    relateduserid as related_user_id,
    courseid as course_id,
    eventname as event_name,
    origin
from {{ source('touched', 'moodle_logstore_standard_log') }}
