-- One row for each event of the log store.
select
    _source as source,
    id as log_id,
    objectid as object_id,
    edulevel as education_level_id,
    contextid as context_id,
    contextinstanceid as context_instance_id,
    userid as user_id,
    courseid as course_id,
    relateduserid as related_user_id,
    eventname as event_name,
    component,
    action,
    target,
    objecttable as object_table,
    crud,
    contextlevel as context_level,
    other,
    origin,
    {{ epoch_to_utc("timecreated") }} as occurred_at
from {{ source('landing', 'moodle_logstore_standard_log') }}
