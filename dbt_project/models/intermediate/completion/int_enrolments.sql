-- One row for each enrolment of an account in a course through one enrolment method.
{{ config(materialized='table') }}
with enrolments as (
    select * from {{ ref('stg_moodle__user_enrolments') }}
),

methods as (
    select * from {{ ref('stg_moodle__enrol') }}
),

course_roles as (
    select * from {{ ref('int_course_roles') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

courses as (
    select * from {{ ref('int_courses') }}
),

sources as (
    select * from {{ ref('stg_landing__sources') }}
),

joined as (
    select
        enrolments.source,
        enrolments.user_enrolment_id,
        enrolments.user_id,
        methods.course_id,
        {{ key('enrolments.source', 'enrolments.user_enrolment_id') }} as enrolment_key,
        accounts.user_key,
        courses.course_key,
        methods.method,
        course_roles.roles,
        {{ moodle_word('enrolment_status', 'enrolments.status') }} as status,
        {{ moodle_word('enrolment_method_status', 'methods.status') }} as method_status,
        coalesce(course_roles.is_learner, false) as is_learner,
        accounts.is_deleted,
        enrolments.starts_at,
        -- the greatest 32-bit time is Moodle's "open"
        nullif(enrolments.ends_at, to_timestamp(2147483647)) as ends_at,
        enrolments.created_at,
        sources.as_of
    from enrolments
    left join methods
        on enrolments.source = methods.source
        and enrolments.enrolment_method_id = methods.enrolment_method_id
    left join course_roles
        on enrolments.source = course_roles.source
        and methods.course_id = course_roles.course_id
        and enrolments.user_id = course_roles.user_id
    left join accounts
        on enrolments.source = accounts.source
        and enrolments.user_id = accounts.user_id
    left join courses
        on methods.source = courses.source
        and methods.course_id = courses.course_id
    left join sources
        on enrolments.source = sources.source
),

judged as (
    select
        source,
        user_enrolment_id,
        user_id,
        course_id,
        enrolment_key,
        user_key,
        course_key,
        method,
        roles,
        status,
        method_status,
        is_learner,
        -- a suspended account is still active here, as Moodle's own progress has it
        coalesce(
            status = 'active'
            and method_status = 'enabled'
            and not is_deleted
            and coalesce(starts_at <= as_of, true)
            and coalesce(ends_at > as_of, true),
            false
        ) as is_active,
        starts_at,
        ends_at,
        created_at
    from joined
)

select * from judged
