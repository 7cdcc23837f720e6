-- One row for each grade band of a quiz.
select
    _source as source,
    id as quiz_feedback_id,
    quizid as quiz_id,
    feedbacktext as feedback_text,
    mingrade as min_grade,
    maxgrade as max_grade
from {{ source('landing', 'moodle_quiz_feedback') }}
