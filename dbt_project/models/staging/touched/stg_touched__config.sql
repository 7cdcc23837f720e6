-- One row for each version of a setting of the site that moved since the last build.
select
    _source as source,
    name
from {{ source('touched', 'moodle_config') }}
