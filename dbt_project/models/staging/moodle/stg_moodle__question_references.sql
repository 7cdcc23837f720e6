-- One row for each fixed question used in a place.
select
    _source as source,
    id as question_reference_id,
    usingcontextid as using_context_id,
    itemid as grade_item_id,
    questionbankentryid as question_entry_id,
    component,
    questionarea as question_area,
    version
from {{ source('landing', 'moodle_question_references') }}
