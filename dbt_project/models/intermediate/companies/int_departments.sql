-- One row for each department, with its place in its company's tree.
with recursive departments as (
    select * from {{ ref('stg_moodle__department') }}
),

companies as (
    select * from {{ ref('int_companies') }}
),

-- A department that no root leads to (a lost parent, a cycle) is never reached and keeps no depth.
tree as (
    select
        source,
        department_id,
        1 as depth,
        name as department_path
    from departments
    where coalesce(parent_department_id, 0) = 0
    union all
    select
        departments.source,
        departments.department_id,
        tree.depth + 1 as depth,
        tree.department_path || ' / ' || departments.name as department_path
    from departments
    inner join tree
        on departments.source = tree.source
        and departments.parent_department_id = tree.department_id
),

keyed as (
    select
        departments.source,
        departments.department_id,
        {{ key('departments.source', 'departments.department_id') }} as department_key,
        companies.company_key,
        {{ key('departments.source', 'nullif(departments.parent_department_id, 0)') }} as parent_department_key,
        departments.name,
        departments.short_name,
        tree.department_path,
        tree.depth
    from departments
    left join companies
        on departments.source = companies.source
        and departments.company_id = companies.company_id
    left join tree
        on departments.source = tree.source
        and departments.department_id = tree.department_id
)

select * from keyed
