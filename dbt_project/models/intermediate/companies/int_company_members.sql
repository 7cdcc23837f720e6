-- One row for each account and company it belongs to, however many departments it has there.
{{ config(materialized='table') }}
with department_members as (
    select * from {{ ref('int_department_members') }}
),

-- Of several departments the deepest in the tree says most about the person; of equally deep ones the oldest stands.
ranked as (
    select
        *,
        row_number() over (
            partition by source, company_id, user_id
            order by department_depth desc nulls last, department_id asc
        ) as department_rank
    from department_members
),

merged as (
    select
        source,
        company_id,
        user_id,
        {{ joined_key('company_key', 'user_key') }} as company_user_key,
        company_key,
        user_key,
        max(department_key) filter (where department_rank = 1) as department_key,
        count(*) as departments,
        bool_or(is_manager) as is_manager,
        bool_or(is_educator) as is_educator,
        bool_and(is_suspended) as is_suspended
    from ranked
    group by source, company_id, user_id, company_key, user_key
)

select * from merged
