-- One row for each completion criterion.
select
    _source as source,
    id as completion_criterion_id,
    course as course_id,
    criteriatype as criterion_type_id,
    moduleinstance as course_module_id,
    courseinstance as required_course_id,
    role as role_id,
    module as activity_type,
    gradepass as pass_grade,
    {{ epoch_to_utc("timeend") }} as due_at
from {{ source('landing', 'moodle_course_completion_criteria') }}
