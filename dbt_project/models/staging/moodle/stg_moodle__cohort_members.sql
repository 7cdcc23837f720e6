-- One row for each membership of a cohort.
select
    _source as source,
    id as cohort_member_id,
    cohortid as cohort_id,
    userid as user_id,
    {{ epoch_to_utc("timeadded") }} as added_at
from {{ source('landing', 'moodle_cohort_members') }}
