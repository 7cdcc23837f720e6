-- One row for each version of a kind of value that SCOs report that moved since the last build.
select
    _source as source,
    id as scorm_element_id
from {{ source('touched', 'moodle_scorm_element') }}
