-- One row for each account and department it belongs to.
with department_members as (
    select * from {{ ref('int_department_members') }}
)

select
    department_member_key,
    department_key,
    company_key,
    user_key,
    is_manager,
    is_educator,
    is_suspended
from department_members
