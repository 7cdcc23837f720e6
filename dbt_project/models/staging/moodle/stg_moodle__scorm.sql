-- One row for each SCORM activity.
select
    _source as source,
    id as scorm_id,
    course as course_id,
    grademethod as grade_method_id,
    whatgrade as attempts_grading_id,
    name,
    version,
    maxgrade as max_grade,
    maxattempt as max_attempts,
    {{ epoch_to_utc("timeopen") }} as opens_at,
    {{ epoch_to_utc("timeclose") }} as closes_at,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_scorm') }}
