-- One row for each version of a gradable part of an eXeLearning activity that moved since the last build.
select
    _source as source,
    exelearningid as exelearning_id
from {{ source('touched', 'moodle_exelearning_grade_item') }}
