-- One row for each override of quiz settings for a user or a group.
select
    _source as source,
    id as quiz_override_id,
    quiz as quiz_id,
    groupid as group_id,
    userid as user_id,
    timelimit as time_limit_seconds,
    attempts as max_attempts,
    {{ epoch_to_utc("timeopen") }} as opens_at,
    {{ epoch_to_utc("timeclose") }} as closes_at
from {{ source('landing', 'moodle_quiz_overrides') }}
