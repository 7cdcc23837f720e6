-- One row for each day from the first to the last date in the data, and one day more at both ends.
with calendar_range as (
    select * from {{ ref('int_calendar_range') }}
),

terms as (
    select * from {{ ref('academic_terms') }}
),

days as (
    select cast(unnest(generate_series(first_day, last_day, interval 1 day)) as date) as date_day
    from calendar_range
),

described as (
    select
        days.date_day,
        cast(extract(year from days.date_day) as integer) as year_number,
        cast(extract(isoyear from days.date_day) as varchar)
        || '-W' || lpad(cast(extract(week from days.date_day) as varchar), 2, '0') as week,
        cast(date_trunc('week', days.date_day) as date) as week_starts_on,
        strftime(days.date_day, '%Y-%m') as month,
        cast(date_trunc('month', days.date_day) as date) as month_starts_on,
        cast(extract(isodow from days.date_day) as integer) as day_of_week,
        cast(extract(year from days.date_day) as integer) + terms.academic_year_offset as academic_year_starts_in,
        terms.term
    from days
    left join terms
        on extract(month from days.date_day) = terms.month_number
)

select
    date_day,
    year_number as year,
    month,
    month_starts_on,
    week,
    week_starts_on,
    day_of_week,
    cast(academic_year_starts_in as varchar) || '/'
    || lpad(cast((academic_year_starts_in + 1) % 100 as varchar), 2, '0') as academic_year,
    cast(academic_year_starts_in as varchar) || '/'
    || lpad(cast((academic_year_starts_in + 1) % 100 as varchar), 2, '0') || ' ' || term as term,
    day_of_week >= 6 as is_weekend
from described
