-- One row for each account and cohort it is in.
with cohort_members as (
    select * from {{ ref('int_cohort_members') }}
)

select
    cohort_user_key,
    cohort_key,
    user_key,
    added_at
from cohort_members
