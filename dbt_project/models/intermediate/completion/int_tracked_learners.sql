-- One row for each account and course where Moodle tracks progress: a learner with an active enrolment.
with enrolments as (
    select * from {{ ref('int_enrolments') }}
),

tracked as (
    select distinct
        source,
        course_id,
        user_id
    from enrolments
    where is_active and is_learner
)

select * from tracked
