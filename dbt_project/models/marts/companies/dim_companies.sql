-- One row for each company.
with companies as (
    select * from {{ ref('int_companies') }}
)

select
    company_key,
    source,
    cast(company_id as varchar) as company_id,
    parent_company_key,
    name,
    short_name,
    code,
    is_suspended
from companies
