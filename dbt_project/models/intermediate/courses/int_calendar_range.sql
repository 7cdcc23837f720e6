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

control as (
    select * from {{ ref('stg_landing__control') }}
),

extremes as (
    select
        min(least(created_at, first_seen_at)) as first_at,
        max(greatest(created_at, last_seen_at)) as last_at
    from accounts
    union all
    select
        min(least(created_at, starts_at)) as first_at,
        max(greatest(created_at, starts_at, ends_at)) as last_at
    from courses
    union all
    select
        min(least(created_at, starts_at)) as first_at,
        max(greatest(created_at, starts_at, ends_at)) as last_at
    from enrolments
    union all
    select
        min(modified_at) as first_at,
        max(modified_at) as last_at
    from activity_completions
    union all
    select
        min(started_at) as first_at,
        max(greatest(started_at, finished_at)) as last_at
    from quiz_attempts
    union all
    select
        min(least(created_at, modified_at)) as first_at,
        max(greatest(created_at, modified_at)) as last_at
    from grades
    union all
    select
        as_of as first_at,
        as_of as last_at
    from control
),

-- A day to spare at both ends, so that a time shown in any time zone finds its day. A window that a teacher left open
-- until a far future does not make the calendar endless.
bounded as (
    select
        cast(min(extremes.first_at) - interval 1 day as date) as first_day,
        cast(least(max(extremes.last_at), max(control.as_of) + interval 10 year) + interval 1 day as date) as last_day
    from extremes
    cross join control
)

select * from bounded
