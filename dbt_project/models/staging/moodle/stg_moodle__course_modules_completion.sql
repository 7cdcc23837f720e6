-- One row for each account and activity with a completion state.
select
    _source as source,
    id as activity_completion_id,
    coursemoduleid as course_module_id,
    userid as user_id,
    completionstate as completion_state_id,
    overrideby as overridden_by_user_id,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_course_modules_completion') }}
