-- title: Attempts begun each week
-- definition: Attempts by the week in which they were begun, for the 52 weeks up to the time of the data. Weeks begin on
--   Monday, in UTC.
-- caveat: The last week is usually not over yet, so its point is low. Teachers' previews are left out.
-- empty: Nobody has begun an attempt in the last 52 weeks.
-- kind: line
-- column week: Week of | date
-- column attempts: Attempts | count attempt/attempts
with begun as (
    select cast(date_trunc('week', fct_attempts.started_at) as date) as week, count(*) as attempts
    from fct_attempts
    cross join current_release
    where not fct_attempts.is_preview
        and fct_attempts.started_at between current_release.as_of - interval 52 weeks and current_release.as_of
        and in_scope(fct_attempts.course_key, fct_attempts.user_key)
    group by week
),

weeks as (
    select distinct dim_dates.week_starts_on as week
    from dim_dates
    cross join current_release
    where dim_dates.week_starts_on >= (select min(begun.week) from begun)
        and dim_dates.week_starts_on <= cast(current_release.as_of as date)
)

select weeks.week, coalesce(begun.attempts, 0) as attempts
from weeks
left join begun using (week)
order by weeks.week
