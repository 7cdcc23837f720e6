-- One row for each account and cohort it is in.
with members as (
    select * from {{ ref('stg_moodle__cohort_members') }}
),

cohorts as (
    select * from {{ ref('int_cohorts') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

joined as (
    select
        members.source,
        {{ key('members.source', 'members.cohort_member_id') }} as cohort_user_key,
        cohorts.cohort_key,
        accounts.user_key,
        members.added_at
    from members
    inner join cohorts
        on members.source = cohorts.source
        and members.cohort_id = cohorts.cohort_id
    left join accounts
        on members.source = accounts.source
        and members.user_id = accounts.user_id
)

select * from joined
