-- One row for each account, with the person it belongs to.
with accounts as (
    select * from {{ ref('int_accounts') }}
)

select
    user_key,
    user_key as person_key
from accounts
