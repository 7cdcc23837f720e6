-- One row for each account that any landed row names.
select
    source,
    user_id,
    user_key
from {{ source('landing', 'user_keys') }}
