-- One row for each gradebook category.
select
    _source as source,
    id as grade_category_id,
    courseid as course_id,
    parent as parent_category_id,
    depth,
    path,
    fullname as full_name,
    aggregation,
    hidden = 1 as is_hidden,
    {{ epoch_to_utc("case when hidden > 1 then hidden end") }} as hidden_until
from {{ source('landing', 'moodle_grade_categories') }}
