-- One row for each random question used in a place.
select
    _source as source,
    id as question_set_reference_id,
    usingcontextid as using_context_id,
    itemid as grade_item_id,
    questionscontextid as questions_context_id,
    component,
    questionarea as question_area,
    filtercondition as filter_condition
from {{ source('landing', 'moodle_question_set_references') }}
