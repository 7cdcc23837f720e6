-- One row for each account and cohort it is in.
with members as (
    select * from {{ ref('stg_moodle__cohort_members') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

joined as (
    select
        members.source,
        {{ key('members.source', 'members.cohort_member_id') }} as cohort_user_key,
        {{ key('members.source', 'members.cohort_id') }} as cohort_key,
        accounts.user_key,
        members.added_at
    from members
    left join accounts
        on members.source = accounts.source
        and members.user_id = accounts.user_id
)

select * from joined
