-- One row for each company.
select
    _source as source,
    id as company_id,
    category as course_category_id,
    parentid as parent_company_id,
    name,
    shortname as short_name,
    code,
    timezone as time_zone,
    suspended = 1 as is_suspended
from {{ source('landing', 'moodle_company') }}
