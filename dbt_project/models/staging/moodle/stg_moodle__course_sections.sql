-- One row for each section of a course.
select
    _source as source,
    id as course_section_id,
    course as course_id,
    section as section_number,
    name,
    sequence,
    visible = 1 as is_visible
from {{ source('landing', 'moodle_course_sections') }}
