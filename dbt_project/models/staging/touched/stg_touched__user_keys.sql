-- One row for each account that rows named before the last build and none names now.
select
    source,
    user_id,
    user_key
from {{ source('touched', 'user_keys') }}
