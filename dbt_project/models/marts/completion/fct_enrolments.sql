-- One row for each enrolment of an account in a course through one enrolment method.
with enrolments as (
    select * from {{ ref('int_enrolments') }}
)

select
    enrolment_key,
    source,
    user_key,
    course_key,
    method,
    roles,
    status,
    method_status,
    is_active,
    is_learner,
    starts_at,
    ends_at,
    created_at
from enrolments
