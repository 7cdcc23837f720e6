-- One row for each version of a eXeLearning activity that moved since the last build.
select
    _source as source,
    id as exelearning_id
from {{ source('touched', 'moodle_exelearning') }}
