-- One row for each version of a account and gradebook item that moved since the last build.
select
    _source as source,
    itemid as grade_item_id,
    userid as user_id
from {{ source('touched', 'moodle_grade_grades') }}
