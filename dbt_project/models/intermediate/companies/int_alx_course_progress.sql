-- One row for each company, account and course that the ALX Report API would report, with the answers it would give.
-- Its rules are kept as they were coded, wrong ones included: a single finished activity completes a course, a pass
-- (complete_pass) finishes nothing, only activities with a stored state are counted, windows of enrolment are not looked at.
with members as (
    select * from {{ ref('int_company_members') }}
),

company_courses as (
    select * from {{ ref('int_company_courses') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

courses as (
    select * from {{ ref('int_courses') }}
),

enrolments as (
    select * from {{ ref('int_enrolments') }}
),

course_modules as (
    select * from {{ ref('stg_moodle__course_modules') }}
),

activity_completions as (
    select * from {{ ref('stg_moodle__course_modules_completion') }}
),

course_completions as (
    select * from {{ ref('stg_moodle__course_completions') }}
),

enrolled as (
    select
        source,
        course_id,
        user_id,
        min(created_at) as enrolled_at
    from enrolments
    where status = 'active'
    group by source, course_id, user_id
),

activities as (
    select
        activity_completions.source,
        course_modules.course_id,
        activity_completions.user_id,
        count(*) as with_state,
        count(*) filter (
            where activity_completions.completion_state_id = {{ moodle_number('completion_state', 'complete') }}
        ) as with_complete,
        bool_or(
            activity_completions.completion_state_id > {{ moodle_number('completion_state', 'incomplete') }}
        ) as has_begun,
        max(activity_completions.modified_at) filter (
            where activity_completions.completion_state_id = {{ moodle_number('completion_state', 'complete') }}
        ) as last_complete_at
    from activity_completions
    inner join course_modules
        on activity_completions.source = course_modules.source
        and activity_completions.course_module_id = course_modules.course_module_id
    group by activity_completions.source, course_modules.course_id, activity_completions.user_id
),

joined as (
    select
        members.source,
        members.company_id,
        members.user_id,
        enrolled.course_id,
        case
            when course_completions.completed_at is not null then 'completed'
            when activities.with_complete > 0 then 'completed'
            when activities.has_begun then 'in_progress'
            else 'not_started'
        end as alx_status,
        case
            when course_completions.completed_at is not null then 100.0
            else coalesce(100.0 * activities.with_complete / activities.with_state, 0.0)
        end as alx_percentage,
        -- a stored start of 0 wins over the enrolment's time, and then means none
        case
            when course_completions.course_completion_id is not null then course_completions.started_at
            else enrolled.enrolled_at
        end as alx_started_at,
        coalesce(course_completions.completed_at, activities.last_complete_at) as alx_completed_at
    from members
    inner join accounts
        on members.source = accounts.source
        and members.user_id = accounts.user_id
    inner join enrolled
        on members.source = enrolled.source
        and members.user_id = enrolled.user_id
    inner join courses
        on enrolled.source = courses.source
        and enrolled.course_id = courses.course_id
    inner join company_courses
        on members.source = company_courses.source
        and members.company_id = company_courses.company_id
        and enrolled.course_id = company_courses.course_id
    left join course_completions
        on enrolled.source = course_completions.source
        and enrolled.course_id = course_completions.course_id
        and enrolled.user_id = course_completions.user_id
    left join activities
        on enrolled.source = activities.source
        and enrolled.course_id = activities.course_id
        and enrolled.user_id = activities.user_id
    where
        company_courses.is_assigned
        and courses.is_visible
        and not accounts.is_deleted
        and not accounts.is_suspended
)

select * from joined
