-- One row for each account, company and department.
select
    _source as source,
    id as company_user_id,
    companyid as company_id,
    userid as user_id,
    managertype as manager_type_id,
    departmentid as department_id,
    suspended = 1 as is_suspended,
    educator = 1 as is_educator
from {{ source('landing', 'moodle_company_users') }}
