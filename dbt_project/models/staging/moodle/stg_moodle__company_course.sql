-- One row for each course given to a company.
select
    _source as source,
    id as company_course_id,
    companyid as company_id,
    courseid as course_id,
    departmentid as department_id
from {{ source('landing', 'moodle_company_course') }}
