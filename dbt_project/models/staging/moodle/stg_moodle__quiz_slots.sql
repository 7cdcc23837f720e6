-- One row for each slot of a quiz.
select
    _source as source,
    id as quiz_slot_id,
    quizid as quiz_id,
    quizgradeitemid as quiz_grade_item_id,
    slot,
    page,
    displaynumber as display_number,
    maxmark as max_mark,
    requireprevious = 1 as is_previous_required
from {{ source('landing', 'moodle_quiz_slots') }}
