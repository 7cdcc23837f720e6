-- One row for each department.
select
    _source as source,
    id as department_id,
    company as company_id,
    parent as parent_department_id,
    name,
    shortname as short_name
from {{ source('landing', 'moodle_department') }}
