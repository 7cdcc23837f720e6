-- One row for each change of a grade.
select
    _source as source,
    id as grade_history_id,
    action as action_id,
    oldid as old_id,
    loggeduser as logged_user_id,
    itemid as grade_item_id,
    userid as user_id,
    source as change_source,
    rawgrade as raw_grade,
    rawgrademax as raw_grade_max,
    rawgrademin as raw_grade_min,
    finalgrade as final_grade,
    {{ epoch_to_utc("timemodified") }} as modified_at,
    {{ epoch_to_utc("hidden") }} as hidden_until,
    {{ epoch_to_utc("locked") }} as locked_at,
    {{ epoch_to_utc("overridden") }} as overridden_at,
    {{ epoch_to_utc("excluded") }} as excluded_at
from {{ source('landing', 'moodle_grade_grades_history') }}
