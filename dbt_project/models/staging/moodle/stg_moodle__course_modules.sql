-- One row for each activity placed in a course.
select
    _source as source,
    id as course_module_id,
    course as course_id,
    module as module_type_id,
    instance as activity_id,
    section as course_section_id,
    completion as completion_tracking_id,
    idnumber as id_number,
    completiongradeitemnumber as completion_item_number,
    visible = 1 as is_visible,
    completionview = 1 as is_view_required,
    completionpassgrade = 1 as is_pass_required,
    deletioninprogress = 1 as is_deletion_in_progress,
    {{ epoch_to_utc("added") }} as added_at,
    {{ epoch_to_utc("completionexpected") }} as completion_expected_at
from {{ source('landing', 'moodle_course_modules') }}
