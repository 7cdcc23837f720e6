-- One row for each account, company and department that it belongs to.
with members as (
    select * from {{ ref('stg_moodle__company_users') }}
),

companies as (
    select * from {{ ref('int_companies') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

departments as (
    select * from {{ ref('int_departments') }}
),

-- Nothing in the oldest versions keeps one account from standing twice in one department.
merged as (
    select
        source,
        company_id,
        department_id,
        user_id,
        min(company_user_id) as company_user_id,
        -- 1 manages the company, 2 a department of it
        bool_or(manager_type_id in (1, 2)) as is_manager,
        bool_or(is_educator) as is_educator,
        bool_and(is_suspended) as is_suspended
    from members
    group by source, company_id, department_id, user_id
),

keyed as (
    select
        merged.source,
        merged.company_id,
        merged.department_id,
        merged.user_id,
        {{ key('merged.source', 'merged.company_user_id') }} as department_member_key,
        companies.company_key,
        departments.department_key,
        accounts.user_key,
        departments.depth as department_depth,
        coalesce(merged.is_manager, false) as is_manager,
        coalesce(merged.is_educator, false) as is_educator,
        coalesce(merged.is_suspended, false) as is_suspended
    from merged
    -- IOMAD leaves members behind when a company goes
    inner join companies
        on merged.source = companies.source
        and merged.company_id = companies.company_id
    left join accounts
        on merged.source = accounts.source
        and merged.user_id = accounts.user_id
    left join departments
        on merged.source = departments.source
        and merged.department_id = departments.department_id
)

select * from keyed
