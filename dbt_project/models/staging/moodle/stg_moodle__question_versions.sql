-- One row for each version of a question bank entry.
select
    _source as source,
    id as question_version_id,
    questionbankentryid as question_entry_id,
    questionid as question_id,
    version,
    status
from {{ source('landing', 'moodle_question_versions') }}
