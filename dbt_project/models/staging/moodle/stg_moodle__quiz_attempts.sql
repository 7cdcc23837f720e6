-- One row for each quiz attempt.
select
    _source as source,
    id as quiz_attempt_id,
    quiz as quiz_id,
    userid as user_id,
    uniqueid as question_usage_id,
    attempt as attempt_number,
    layout,
    currentpage as current_page,
    state,
    sumgrades as sum_grades,
    preview = 1 as is_preview,
    {{ epoch_to_utc("timestart") }} as started_at,
    {{ epoch_to_utc("timefinish") }} as finished_at,
    {{ epoch_to_utc("timemodified") }} as modified_at,
    {{ epoch_to_utc("timemodifiedoffline") }} as modified_offline_at,
    {{ epoch_to_utc("timecheckstate") }} as check_state_at,
    {{ epoch_to_utc("gradednotificationsenttime") }} as graded_notification_at
from {{ source('landing', 'moodle_quiz_attempts') }}
