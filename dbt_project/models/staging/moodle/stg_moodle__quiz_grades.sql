-- One row for each quiz grade as the quiz stores it.
select
    _source as source,
    id as quiz_grade_id,
    quiz as quiz_id,
    userid as user_id,
    grade,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_quiz_grades') }}
