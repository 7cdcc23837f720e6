-- One row for each company and course that it has: assigned to it, shared with it, or shared with every company.
with assigned as (
    select * from {{ ref('stg_moodle__company_course') }}
),

shared as (
    select * from {{ ref('stg_moodle__company_shared_courses') }}
),

licensed as (
    select * from {{ ref('stg_moodle__iomad_courses') }}
),

companies as (
    select * from {{ ref('int_companies') }}
),

gathered as (
    select
        source,
        company_id,
        course_id,
        true as is_assigned
    from assigned
    union all
    select
        source,
        company_id,
        course_id,
        false as is_assigned
    from shared
    union all
    select
        companies.source,
        companies.company_id,
        licensed.course_id,
        false as is_assigned
    from licensed
    inner join companies
        on licensed.source = companies.source
    -- 1 is shared with all, 2 only with those that shared courses name
    where licensed.sharing_id = 1
),

merged as (
    select
        source,
        company_id,
        course_id,
        bool_or(is_assigned) as is_assigned
    from gathered
    group by source, company_id, course_id
)

select * from merged
