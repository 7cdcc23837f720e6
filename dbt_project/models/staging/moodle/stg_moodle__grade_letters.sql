-- One row for each letter boundary of a context.
select
    _source as source,
    id as grade_letter_id,
    contextid as context_id,
    lowerboundary as lower_boundary,
    letter
from {{ source('landing', 'moodle_grade_letters') }}
