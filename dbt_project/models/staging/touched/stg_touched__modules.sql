-- One row for each version of a module type that moved since the last build.
select
    _source as source,
    id as module_type_id
from {{ source('touched', 'moodle_modules') }}
