-- One row for each part (SCO, asset or heading) of a SCORM package.
select
    _source as source,
    id as sco_id,
    scorm as scorm_id,
    identifier,
    scormtype as sco_type,
    title,
    sortorder as sort_order,
    -- headings of the table of contents lead nowhere
    launch_length > 0 as is_launchable
from {{ source('landing', 'moodle_scorm_scoes') }}
