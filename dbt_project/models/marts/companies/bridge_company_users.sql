-- One row for each account and company it belongs to, however many departments it has there.
with company_members as (
    select * from {{ ref('int_company_members') }}
)

select
    company_user_key,
    company_key,
    user_key,
    department_key,
    cast(departments as integer) as departments,
    is_manager,
    is_educator,
    is_suspended
from company_members
