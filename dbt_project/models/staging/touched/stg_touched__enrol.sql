-- One row for each version of a enrolment method that moved since the last build.
select
    _source as source,
    id as enrolment_method_id
from {{ source('touched', 'moodle_enrol') }}
