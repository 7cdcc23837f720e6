-- One row for each version of an eXeLearning attempt that moved since the last build.
select
    _source as source,
    exelearningid as exelearning_id,
    userid as user_id
from {{ source('touched', 'moodle_exelearning_attempt') }}
