-- One row for each account and group it is in.
with group_members as (
    select * from {{ ref('int_group_members') }}
)

select
    group_user_key,
    group_key,
    user_key,
    course_key,
    added_at
from group_members
