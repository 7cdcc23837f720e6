-- One row for each course shared with a company.
select
    _source as source,
    id as company_shared_course_id,
    companyid as company_id,
    courseid as course_id
from {{ source('landing', 'moodle_company_shared_courses') }}
