-- One row for each kind of value that SCOs report, since Moodle 4.3.
select
    _source as source,
    id as scorm_element_id,
    element
from {{ source('landing', 'moodle_scorm_element') }}
