-- One row for each enrolment of an account through a method.
select
    _source as source,
    id as user_enrolment_id,
    enrolid as enrolment_method_id,
    userid as user_id,
    status,
    {{ epoch_to_utc("timestart") }} as starts_at,
    {{ epoch_to_utc("timeend") }} as ends_at,
    {{ epoch_to_utc("timecreated") }} as created_at,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_user_enrolments') }}
