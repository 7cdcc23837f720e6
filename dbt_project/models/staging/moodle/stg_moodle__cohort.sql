-- One row for each cohort.
select
    _source as source,
    id as cohort_id,
    contextid as context_id,
    name,
    idnumber as id_number,
    visible = 1 as is_visible,
    {{ epoch_to_utc("timecreated") }} as created_at,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_cohort') }}
