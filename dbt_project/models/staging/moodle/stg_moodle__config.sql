-- One row for each site setting.
select
    _source as source,
    id as config_id,
    name,
    value
from {{ source('landing', 'moodle_config') }}
