-- One row for each question category.
select
    _source as source,
    id as question_category_id,
    contextid as context_id,
    parent as parent_category_id,
    name
from {{ source('landing', 'moodle_question_categories') }}
