-- One row for each gradable part (iDevice) of an eXeLearning activity.
select
    _source as source,
    id as exelearning_grade_item_id,
    exelearningid as exelearning_id,
    itemnumber as item_number,
    objectid as object_id,
    pageid as page_id,
    idevicetype as item_type,
    name,
    grademax as max_grade,
    grademin as min_grade,
    contenthash as content_hash,
    deleted = 1 as is_deleted,
    {{ epoch_to_utc("timecreated") }} as created_at,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_exelearning_grade_item') }}
