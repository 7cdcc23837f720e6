-- One row for each account that anything at its source names.
with accounts as (
    select * from {{ ref('int_accounts') }}
)

select
    user_key,
    source,
    time_zone,
    language,
    country,
    is_deleted,
    is_suspended,
    created_at,
    first_seen_at,
    last_seen_at
from accounts
