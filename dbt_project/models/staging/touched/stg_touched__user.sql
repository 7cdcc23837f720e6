-- One row for each version of a account that moved since the last build.
select
    _source as source,
    id as user_id
from {{ source('touched', 'moodle_user') }}
