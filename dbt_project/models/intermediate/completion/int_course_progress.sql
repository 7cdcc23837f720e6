-- One row for each account and course where it is enrolled, has a stored completion or a grade.
{{ config(materialized='table') }}
with enrolments as (
    select * from {{ ref('int_enrolments') }}
),

tracked_learners as (
    select * from {{ ref('int_tracked_learners') }}
),

activity_completions as (
    select * from {{ ref('int_activity_completions') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

courses as (
    select * from {{ ref('int_courses') }}
),

course_completions as (
    select * from {{ ref('stg_moodle__course_completions') }}
),

course_modules as (
    select * from {{ ref('stg_moodle__course_modules') }}
),

activity_views as (
    select * from {{ ref('stg_moodle__course_modules_viewed') }}
),

last_accesses as (
    select * from {{ ref('stg_moodle__user_lastaccess') }}
),

grades as (
    select * from {{ ref('stg_moodle__grade_grades') }}
),

grade_items as (
    select * from {{ ref('stg_moodle__grade_items') }}
),

enrolled as (
    select
        source,
        course_id,
        user_id,
        bool_or(is_active) as is_active,
        min(created_at) as enrolled_at
    from enrolments
    where course_id is not null
    group by source, course_id, user_id
),

completed as (
    select
        source,
        course_id,
        user_id,
        min(enrolled_at) as enrolled_at,
        min(started_at) as started_at,
        min(completed_at) as completed_at
    from course_completions
    group by source, course_id, user_id
),

activities as (
    select
        source,
        course_id,
        user_id,
        count(*) filter (where is_completed and is_counted) as activities_completed,
        min(modified_at) filter (where state <> 'incomplete') as first_completed_at
    from activity_completions
    where course_id is not null
    group by source, course_id, user_id
),

graded as (
    select distinct
        grades.source,
        grade_items.course_id,
        grades.user_id
    from grades
    inner join grade_items
        on grades.source = grade_items.source
        and grades.grade_item_id = grade_items.grade_item_id
    where grades.final_grade is not null
),

viewed as (
    select
        activity_views.source,
        course_modules.course_id,
        activity_views.user_id,
        min(activity_views.created_at) as first_viewed_at
    from activity_views
    inner join course_modules
        on activity_views.source = course_modules.source
        and activity_views.course_module_id = course_modules.course_module_id
    group by activity_views.source, course_modules.course_id, activity_views.user_id
),

accessed as (
    select
        source,
        course_id,
        user_id,
        max(accessed_at) as last_access_at
    from last_accesses
    group by source, course_id, user_id
),

tracked_activities as (
    select
        source,
        course_id,
        count(*) as activities_tracked
    from course_modules
    where
        completion_tracking_id <> {{ moodle_number('completion_tracking', 'none') }}
        and not is_deletion_in_progress
    group by source, course_id
),

grain as (
    select
        source,
        course_id,
        user_id
    from enrolled
    union
    select
        source,
        course_id,
        user_id
    from completed
    union
    select
        source,
        course_id,
        user_id
    from activities
    union
    select
        source,
        course_id,
        user_id
    from graded
),

joined as (
    select
        grain.source,
        grain.course_id,
        grain.user_id,
        courses.course_key,
        accounts.user_key,
        courses.is_completion_enabled,
        coalesce(tracked_activities.activities_tracked, 0) as activities_tracked,
        coalesce(activities.activities_completed, 0) as activities_completed,
        enrolled.user_id is not null as is_enrolled,
        coalesce(enrolled.is_active, false) as is_active,
        tracked_learners.user_id is not null as is_tracked_learner,
        accounts.is_deleted,
        coalesce(enrolled.enrolled_at, completed.enrolled_at) as enrolled_at,
        coalesce(completed.started_at, viewed.first_viewed_at, activities.first_completed_at) as started_at,
        case
            when completed.started_at is not null then 'course_completion'
            when viewed.first_viewed_at is not null then 'activity_view'
            when activities.first_completed_at is not null then 'activity_completion'
        end as started_at_source,
        completed.completed_at,
        case when completed.completed_at is not null then 'course_completion' end as completed_at_source,
        accessed.last_access_at
    from grain
    inner join courses
        on grain.source = courses.source
        and grain.course_id = courses.course_id
    left join accounts
        on grain.source = accounts.source
        and grain.user_id = accounts.user_id
    left join enrolled
        on grain.source = enrolled.source
        and grain.course_id = enrolled.course_id
        and grain.user_id = enrolled.user_id
    left join completed
        on grain.source = completed.source
        and grain.course_id = completed.course_id
        and grain.user_id = completed.user_id
    left join activities
        on grain.source = activities.source
        and grain.course_id = activities.course_id
        and grain.user_id = activities.user_id
    left join viewed
        on grain.source = viewed.source
        and grain.course_id = viewed.course_id
        and grain.user_id = viewed.user_id
    left join accessed
        on grain.source = accessed.source
        and grain.course_id = accessed.course_id
        and grain.user_id = accessed.user_id
    left join tracked_activities
        on grain.source = tracked_activities.source
        and grain.course_id = tracked_activities.course_id
    left join tracked_learners
        on grain.source = tracked_learners.source
        and grain.course_id = tracked_learners.course_id
        and grain.user_id = tracked_learners.user_id
),

judged as (
    select
        *,
        case
            when completed_at is not null then 'completed'
            when started_at is not null then 'in_progress'
            else 'not_started'
        end as status,
        case
            when not (is_completion_enabled and is_tracked_learner) then null
            when completed_at is not null then cast(100 as double)
            when activities_tracked > 0 then cast(100 as double) * activities_completed / activities_tracked
        end as percentage
    from joined
)

select * from judged
