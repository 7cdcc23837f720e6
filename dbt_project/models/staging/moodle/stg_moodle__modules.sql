-- One row for each type of module that the site has.
select
    _source as source,
    id as module_type_id,
    name as activity_type,
    visible = 1 as is_visible
from {{ source('landing', 'moodle_modules') }}
