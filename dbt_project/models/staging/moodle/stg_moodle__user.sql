-- One row for each account.
select
    _source as source,
    id as user_id,
    timezone as time_zone,
    lang as language,
    country,
    deleted = 1 as is_deleted,
    suspended = 1 as is_suspended,
    confirmed = 1 as is_confirmed,
    {{ epoch_to_utc("firstaccess") }} as first_access_at,
    {{ epoch_to_utc("lastaccess") }} as last_access_at,
    {{ epoch_to_utc("timecreated") }} as created_at
from {{ source('landing', 'moodle_user') }}
