-- One row for each change of a gradebook item.
select
    _source as source,
    id as grade_item_history_id,
    action as action_id,
    oldid as old_id,
    loggeduser as logged_user_id,
    courseid as course_id,
    iteminstance as item_instance_id,
    source as change_source,
    itemtype as item_type,
    itemmodule as item_module,
    itemnumber as item_number,
    grademax as max_grade,
    grademin as min_grade,
    gradepass as pass_grade,
    multfactor as mult_factor,
    plusfactor as plus_factor,
    {{ epoch_to_utc("timemodified") }} as modified_at,
    {{ epoch_to_utc("hidden") }} as hidden_until,
    {{ epoch_to_utc("locked") }} as locked_at
from {{ source('landing', 'moodle_grade_items_history') }}
