-- One row for each question bank entry.
select
    _source as source,
    id as question_entry_id,
    questioncategoryid as question_category_id,
    idnumber as id_number
from {{ source('landing', 'moodle_question_bank_entries') }}
