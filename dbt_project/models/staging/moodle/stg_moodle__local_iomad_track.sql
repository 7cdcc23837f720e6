-- One row for each enrol-to-completion cycle of an account in a course.
select
    _source as source,
    id as track_id,
    courseid as course_id,
    userid as user_id,
    companyid as company_id,
    finalscore as final_score,
    coursecleared = 1 as is_course_cleared,
    {{ epoch_to_utc("timecompleted") }} as completed_at,
    {{ epoch_to_utc("timeenrolled") }} as enrolled_at,
    {{ epoch_to_utc("timestarted") }} as started_at,
    {{ epoch_to_utc("timeexpires") }} as expires_at,
    {{ epoch_to_utc("modifiedtime") }} as modified_at
from {{ source('landing', 'moodle_local_iomad_track') }}
