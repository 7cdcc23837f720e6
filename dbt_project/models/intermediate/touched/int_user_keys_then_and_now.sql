-- One row for each account that a landed row names now, or named when the marts were last built: it has to leave them too.
with user_keys as (
    select * from {{ ref('stg_landing__user_keys') }}
),

touched_user_keys as (
    select * from {{ ref('stg_touched__user_keys') }}
),

united as (
    select
        source,
        user_id,
        user_key
    from user_keys
    union
    select
        source,
        user_id,
        user_key
    from touched_user_keys
)

select * from united
