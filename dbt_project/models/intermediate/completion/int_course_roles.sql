-- One row for each account and course it is or was enrolled in, with its roles in the course or in a context around it.
with enrolments as (
    select * from {{ ref('stg_moodle__user_enrolments') }}
),

methods as (
    select * from {{ ref('stg_moodle__enrol') }}
),

contexts as (
    select * from {{ ref('stg_moodle__context') }}
),

assignments as (
    select * from {{ ref('stg_moodle__role_assignments') }}
),

roles as (
    select * from {{ ref('stg_moodle__role') }}
),

enrolled as (
    select distinct
        enrolments.source,
        methods.course_id,
        enrolments.user_id
    from enrolments
    inner join methods
        on enrolments.source = methods.source
        and enrolments.enrolment_method_id = methods.enrolment_method_id
),

-- A context's path names every context around it, itself included; it may be missing for a moment after creation.
surrounding as (
    select
        source,
        instance_id as course_id,
        {{ list_items("coalesce(path, cast(context_id as varchar))", "/") }} as context_id
    from contexts
    where context_level = {{ moodle_number('context_level', 'course') }}
),

held as (
    select distinct
        enrolled.source,
        enrolled.course_id,
        enrolled.user_id,
        roles.short_name,
        roles.archetype
    from enrolled
    inner join assignments
        on enrolled.source = assignments.source
        and enrolled.user_id = assignments.user_id
    inner join surrounding
        on enrolled.source = surrounding.source
        and enrolled.course_id = surrounding.course_id
        and assignments.context_id = surrounding.context_id
    inner join roles
        on assignments.source = roles.source
        and assignments.role_id = roles.role_id
),

summed as (
    select
        source,
        course_id,
        user_id,
        string_agg(short_name, ', ' order by short_name) as roles,
        coalesce(bool_or(archetype = 'student'), false) as is_learner
    from held
    group by source, course_id, user_id
)

select * from summed
