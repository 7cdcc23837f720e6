-- One row for each company.
with companies as (
    select * from {{ ref('stg_moodle__company') }}
),

keyed as (
    select
        source,
        company_id,
        {{ key('source', 'company_id') }} as company_key,
        {{ key('source', 'nullif(parent_company_id, 0)') }} as parent_company_key,
        name,
        short_name,
        nullif(code, '') as code,
        coalesce(is_suspended, false) as is_suspended
    from companies
)

select * from keyed
