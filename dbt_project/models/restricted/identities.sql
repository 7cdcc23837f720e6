-- One row for each account that anything at its source names, with who it is.
with accounts as (
    select * from {{ ref('int_accounts') }}
),

personal as (
    select * from {{ ref('stg_moodle__user_personal') }}
),

joined as (
    select
        accounts.user_key,
        accounts.source,
        cast(accounts.user_id as varchar) as user_id,
        personal.username,
        personal.email,
        personal.first_name,
        personal.last_name,
        nullif(personal.id_number, '') as id_number,
        accounts.is_deleted
    from accounts
    left join personal
        on accounts.source = personal.source
        and accounts.user_id = personal.user_id
)

select * from joined
