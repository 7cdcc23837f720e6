-- One row for each sub-grade of a quiz.
select
    _source as source,
    id as quiz_grade_item_id,
    quizid as quiz_id,
    sortorder as sort_order,
    name
from {{ source('landing', 'moodle_quiz_grade_items') }}
