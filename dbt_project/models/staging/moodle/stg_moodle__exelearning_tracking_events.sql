-- One row for each xAPI statement that an eXeLearning activity took in.
select
    _source as source,
    id as exelearning_tracking_event_id,
    exelearningid as exelearning_id,
    userid as user_id,
    statementid as statement_id,
    verb,
    objectid as object_id,
    registration_sha256 as page_load,
    scaled as score_scaled,
    registration_length > 0 as is_of_a_page_load,
    {{ epoch_to_utc("timecreated") }} as created_at
from {{ source('landing', 'moodle_exelearning_tracking_events') }}
