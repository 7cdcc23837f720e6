-- One row for each department of a company.
with departments as (
    select * from {{ ref('int_departments') }}
)

select
    department_key,
    source,
    cast(department_id as varchar) as department_id,
    company_key,
    parent_department_key as parent,
    name,
    short_name,
    department_path,
    cast(depth as integer) as depth
from departments
