-- One row for each eXeLearning activity.
select
    _source as source,
    id as exelearning_id,
    course as course_id,
    grademethod as grade_method_id,
    grademodel as grade_model_id,
    name,
    revision,
    grademax as max_grade,
    grademin as min_grade,
    gradepass as pass_grade,
    maxattempt as max_attempts,
    completionstatusrequired as completion_status_required,
    gradeenabled = 1 as is_grade_enabled,
    {{ epoch_to_utc("timecreated") }} as created_at,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_exelearning') }}
