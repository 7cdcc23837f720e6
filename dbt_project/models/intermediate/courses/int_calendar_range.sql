-- One row: the first and the last day that the calendar must hold.
with accounts as (
    select * from {{ ref('int_accounts') }}
),

courses as (
    select * from {{ ref('int_courses') }}
),

enrolments as (
    select * from {{ ref('int_enrolments') }}
),

activity_completions as (
    select * from {{ ref('stg_moodle__course_modules_completion') }}
),

quiz_attempts as (
    select * from {{ ref('stg_moodle__quiz_attempts') }}
),

grades as (
    select * from {{ ref('stg_moodle__grade_grades') }}
),

-- What happened has its time; what is planned (windows) may lie far ahead.
extremes as (
    select
        min(least(created_at, first_seen_at)) as first_at,
        max(greatest(created_at, last_seen_at)) as last_at,
        null as last_planned_at
    from accounts
    union all
    select
        min(least(created_at, starts_at)) as first_at,
        max(created_at) as last_at,
        max(greatest(starts_at, ends_at)) as last_planned_at
    from courses
    union all
    select
        min(least(created_at, starts_at)) as first_at,
        max(created_at) as last_at,
        max(greatest(starts_at, ends_at)) as last_planned_at
    from enrolments
    union all
    select
        min(modified_at) as first_at,
        max(modified_at) as last_at,
        null as last_planned_at
    from activity_completions
    union all
    select
        min(started_at) as first_at,
        max(greatest(started_at, finished_at)) as last_at,
        null as last_planned_at
    from quiz_attempts
    union all
    select
        min(least(created_at, modified_at)) as first_at,
        max(greatest(created_at, modified_at)) as last_at,
        null as last_planned_at
    from grades
),

-- A day to spare at both ends, so that a time shown in any time zone finds its day. A window that a teacher left open
-- until a far future does not make the calendar endless. The clock has no part in it: an hour without changes leaves
-- the calendar as it was.
bounded as (
    select
        cast(min(first_at) - interval 1 day as date) as first_day,
        cast(
            greatest(max(last_at), least(max(last_planned_at), max(last_at) + interval 10 year)) + interval 1 day as date
        ) as last_day
    from extremes
)

select * from bounded
