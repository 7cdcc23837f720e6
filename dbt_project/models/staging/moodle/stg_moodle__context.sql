-- One row for each context.
select
    _source as source,
    id as context_id,
    instanceid as instance_id,
    contextlevel as context_level,
    path,
    depth
from {{ source('landing', 'moodle_context') }}
