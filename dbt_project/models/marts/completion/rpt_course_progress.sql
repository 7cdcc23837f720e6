-- One row for each company, member account and course where the member is enrolled, has a stored completion or a grade.
with members as (
    select * from {{ ref('int_company_members') }}
),

progress as (
    select * from {{ ref('int_course_progress') }}
),

courses as (
    select * from {{ ref('int_courses') }}
),

company_courses as (
    select * from {{ ref('int_company_courses') }}
),

alx as (
    select * from {{ ref('int_alx_course_progress') }}
)

select
    {{ joined_key('members.company_key', 'progress.user_key', 'progress.course_key') }} as progress_key,
    members.source,
    members.company_key,
    members.department_key,
    members.user_key,
    progress.course_key,
    cast(progress.course_id as varchar) as course_id,
    courses.full_name as course_name,
    progress.status,
    alx.alx_status,
    progress.started_at_source,
    progress.completed_at_source,
    progress.percentage,
    alx.alx_percentage,
    company_courses.course_id is not null as is_company_course,
    progress.is_enrolled,
    progress.is_active,
    progress.is_tracked_learner,
    members.is_suspended as is_member_suspended,
    progress.is_deleted,
    progress.enrolled_at,
    progress.started_at,
    cast(epoch(progress.started_at) as bigint) as started_at_unix,
    progress.completed_at,
    cast(epoch(progress.completed_at) as bigint) as completed_at_unix,
    alx.alx_started_at,
    alx.alx_completed_at,
    progress.last_access_at
from members
inner join progress
    on members.source = progress.source
    and members.user_id = progress.user_id
inner join courses
    on progress.source = courses.source
    and progress.course_id = courses.course_id
left join company_courses
    on members.source = company_courses.source
    and members.company_id = company_courses.company_id
    and progress.course_id = company_courses.course_id
left join alx
    on members.source = alx.source
    and members.company_id = alx.company_id
    and members.user_id = alx.user_id
    and progress.course_id = alx.course_id
