-- One row for each course category.
select
    _source as source,
    id as course_category_id,
    parent as parent_category_id,
    name,
    idnumber as id_number,
    depth,
    path,
    visible = 1 as is_visible
from {{ source('landing', 'moodle_course_categories') }}
