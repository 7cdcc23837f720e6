-- One row for each version of a gradebook item that moved since the last build.
select
    _source as source,
    id as grade_item_id,
    courseid as course_id,
    iteminstance as item_instance_id,
    itemtype as item_type,
    itemmodule as item_module
from {{ source('touched', 'moodle_grade_items') }}
