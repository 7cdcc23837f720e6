-- One row for each role.
select
    _source as source,
    id as role_id,
    shortname as short_name,
    name,
    archetype,
    sortorder as sort_order
from {{ source('landing', 'moodle_role') }}
