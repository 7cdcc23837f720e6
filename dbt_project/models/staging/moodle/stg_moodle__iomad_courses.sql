-- One row for each course as IOMAD licenses it.
select
    _source as source,
    id as iomad_course_id,
    courseid as course_id,
    shared as sharing_id,
    validlength as valid_days,
    licensed = 1 as is_licensed
from {{ source('landing', 'moodle_iomad_courses') }}
