-- One row for each account and criterion met.
select
    _source as source,
    id as criterion_completion_id,
    userid as user_id,
    course as course_id,
    criteriaid as completion_criterion_id,
    gradefinal as final_grade,
    {{ epoch_to_utc("timecompleted") }} as completed_at
from {{ source('landing', 'moodle_course_completion_crit_compl') }}
