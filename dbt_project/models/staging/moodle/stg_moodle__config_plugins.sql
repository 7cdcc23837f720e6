-- One row for each plugin setting.
select
    _source as source,
    id as plugin_config_id,
    plugin,
    name,
    value
from {{ source('landing', 'moodle_config_plugins') }}
