-- One row for each account and group it is in.
with members as (
    select * from {{ ref('stg_moodle__groups_members') }}
),

course_groups as (
    select * from {{ ref('int_groups') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

joined as (
    select
        members.source,
        {{ key('members.source', 'members.group_member_id') }} as group_user_key,
        course_groups.group_key,
        course_groups.course_key,
        accounts.user_key,
        members.added_at
    from members
    inner join course_groups
        on members.source = course_groups.source
        and members.group_id = course_groups.group_id
    left join accounts
        on members.source = accounts.source
        and members.user_id = accounts.user_id
)

select * from joined
