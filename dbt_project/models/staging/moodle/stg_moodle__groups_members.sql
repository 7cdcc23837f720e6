-- One row for each membership of a group.
select
    _source as source,
    id as group_member_id,
    groupid as group_id,
    userid as user_id,
    {{ epoch_to_utc("timeadded") }} as added_at
from {{ source('landing', 'moodle_groups_members') }}
