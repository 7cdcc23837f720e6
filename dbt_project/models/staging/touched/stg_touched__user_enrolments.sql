-- One row for each version of a enrolment that moved since the last build.
select
    _source as source,
    enrolid as enrolment_method_id,
    userid as user_id
from {{ source('touched', 'moodle_user_enrolments') }}
