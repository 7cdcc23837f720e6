-- One row for each section of a quiz.
select
    _source as source,
    id as quiz_section_id,
    quizid as quiz_id,
    firstslot as first_slot,
    heading,
    shufflequestions = 1 as is_shuffled
from {{ source('landing', 'moodle_quiz_sections') }}
