-- One row for each assignment of a role.
select
    _source as source,
    id as role_assignment_id,
    roleid as role_id,
    contextid as context_id,
    userid as user_id,
    component,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_role_assignments') }}
