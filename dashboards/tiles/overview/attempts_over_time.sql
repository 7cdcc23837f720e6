-- title: Attempts begun each week
-- definition: Attempts by the week in which they were begun, for the last 52 weeks that were over at the time of the data.
--   Weeks begin on Monday, in UTC.
-- caveat: Attempts of the week that is not over yet are not in the line. Teachers' previews are left out.
-- empty: Nobody has begun an attempt in the last 52 full weeks.
-- kind: line
-- column week: Week of | date
-- column attempts: Attempts | count attempt/attempts
with last_year as (
    select
        cast(date_trunc('week', as_of) as date) as ends_before,
        cast(date_trunc('week', as_of) as date) - 364 as starts_on
    from current_release
),

begun as (
    select
        cast(date_trunc('week', fct_attempts.started_at) as date) as week,
        count(*) as attempts
    from fct_attempts
    cross join last_year
    where
        not fct_attempts.is_preview
        and fct_attempts.started_at >= last_year.starts_on
        and fct_attempts.started_at < last_year.ends_before
        and in_scope(fct_attempts.course_key, fct_attempts.user_key)
    group by week
),

weeks as (
    select distinct dim_dates.week_starts_on as week
    from dim_dates
    cross join last_year
    where
        dim_dates.week_starts_on >= (select min(begun.week) from begun)
        and dim_dates.week_starts_on < last_year.ends_before
)

select
    weeks.week,
    coalesce(begun.attempts, 0) as attempts
from weeks
left join begun on weeks.week = begun.week
order by weeks.week
