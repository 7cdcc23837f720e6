{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['source', 'grade_item_id', 'user_id'], meta={'touched_by': 'int_touched_gradebook'}
) }}
-- One row for each account and gradebook item that the gradebook has a row for.
with grades as (
    select *
    from {{ ref('stg_moodle__grade_grades') }} as moodle
    where {{ only_touched('int_touched_gradebook', {
        'source': 'moodle.source',
        'grade_item_id': 'moodle.grade_item_id',
        'user_id': 'moodle.user_id',
    }) }}
),

grade_items as (
    select * from {{ ref('stg_moodle__grade_items') }}
),

site_settings as (
    select * from {{ ref('stg_moodle__config') }}
),

sources as (
    select * from {{ ref('stg_landing__sources') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

sites as (
    select
        sources.source,
        sources.as_of,
        coalesce(bool_or(site_settings.name = 'unlimitedgrades' and site_settings.value = '1'), false) as is_unlimited,
        coalesce(bool_or(site_settings.name = 'grade_minmaxtouse' and site_settings.value = '2'), false)
            as is_row_range_used
    from sources
    left join site_settings
        on sources.source = site_settings.source
    group by sources.source, sources.as_of
),

-- A sum of grades may fall below zero as far as the minima of its items allow, while its own minimum stays 0.
least_sums as (
    select
        source,
        course_id,
        sum(least(min_grade, 0)) as least_sum
    from grade_items
    where item_type not in ('course', 'category')
    group by source, course_id
),

joined as (
    select
        grades.source,
        grades.grade_id,
        grades.grade_item_id,
        grades.user_id,
        accounts.user_key,
        grade_items.course_id,
        grade_items.item_type,
        grade_items.item_module as activity_type,
        case when grade_items.item_type = 'mod' then grade_items.item_instance_id end as activity_id,
        case when grade_items.item_type = 'mod' then coalesce(grade_items.item_number, 0) end as item_number,
        grade_items.grade_type,
        grades.aggregation_status,
        grades.aggregation_weight,
        grade_items.min_grade as item_min,
        grade_items.max_grade as item_max,
        grades.raw_grade_min as row_min,
        grades.raw_grade_max as row_max,
        least_sums.least_sum,
        case
            when grade_items.pass_grade = grade_items.min_grade then null
            when grade_items.grade_type = {{ moodle_number('grade_type', 'scale') }} and grade_items.pass_grade = 0 then null
            else grade_items.pass_grade
        end as pass_grade,
        grade_items.mult_factor,
        grade_items.plus_factor,
        grades.raw_grade,
        grades.final_grade,
        sites.is_unlimited,
        sites.is_row_range_used,
        grade_items.item_type in ('course', 'category') as is_total,
        grades.overridden_at is not null as is_overridden,
        grades.excluded_at is not null as is_excluded,
        -- a lock whose time has passed holds already, before Moodle's cron sets it
        grades.locked_at is not null or coalesce(grades.lock_at < sites.as_of, false) as is_grade_locked,
        grade_items.locked_at is not null or coalesce(grade_items.lock_at < sites.as_of, false) as is_item_locked,
        grades.locked_at is not null or grade_items.locked_at is not null as is_locked,
        grades.is_hidden
        or grade_items.is_hidden
        or coalesce(grades.hidden_until > sites.as_of, false)
        or coalesce(grade_items.hidden_until > sites.as_of, false) as is_hidden,
        coalesce(grade_items.needs_update, false) as needs_update,
        grades.overridden_at,
        -- Moodle keeps the time of submission in the row's time of creation
        grades.created_at as submitted_at,
        grades.modified_at
    from grades
    inner join grade_items
        on grades.source = grade_items.source
        and grades.grade_item_id = grade_items.grade_item_id
    -- a row that names no account stands for nobody
    inner join accounts
        on grades.source = accounts.source
        and grades.user_id = accounts.user_id
    left join sites
        on grades.source = sites.source
    left join least_sums
        on grade_items.source = least_sums.source
        and grade_items.course_id = least_sums.course_id
),

ranged as (
    select
        *,
        -- a grade fixed by hand or by a lock keeps the range it was given on; every other one follows its item
        (is_grade_locked or is_item_locked or is_overridden or item_type = 'manual')
        and coalesce(final_grade between row_min and row_max, false) as is_on_own_range
    from joined
),

bounded as (
    select
        *,
        case when is_total or is_on_own_range then row_min else item_min end as min_grade,
        case when is_total or is_on_own_range then row_max else item_max end as max_grade,
        case
            when is_total then least(row_min, item_min, least_sum)
            when is_on_own_range then row_min
            else item_min
        end as least_grade,
        case
            when is_total then greatest(row_max, item_max)
            when is_on_own_range then row_max
            else item_max
        end as greatest_grade,
        case when is_total or is_row_range_used then row_min else item_min end as percent_min,
        case when is_total or is_row_range_used then row_max else item_max end as percent_max,
        -- an assignment rescales its own grades when its maximum changes
        coalesce(row_min <> item_min or row_max <> item_max, false)
        and coalesce(activity_type, '') <> 'assign' as is_rescaled,
        coalesce(mult_factor <> 1, false) or coalesce(plus_factor <> 0, false) as is_factored
    from ranged
),

adjusted as (
    select
        *,
        {{ adjusted_raw_grade() }} as adjusted_grade,
        not is_unlimited
        and coalesce(
            final_grade not between least_grade - {{ grade_tolerance() }} and greatest_grade + {{ grade_tolerance() }},
            false
        ) as is_withheld
    from bounded
),

published as (
    select
        *,
        case when not is_withheld then final_grade end as grade,
        case when not is_withheld then cast(final_grade as double) end as score,
        case when final_grade is not null then coalesce(overridden_at, modified_at) end as graded_at
    from adjusted
),

keyed as (
    select
        *,
        {{ key('source', 'grade_item_id') }} as grade_item_key,
        {{ key('source', 'grade_item_id', 'user_key') }} as gradebook_grade_key,
        {{ key('source', 'nullif(course_id, ' ~ site_course_id() ~ ')') }} as course_key,
        {{ key('source', 'activity_type', 'activity_id') }} as activity_key,
        grade >= pass_grade as is_passed,
        {{ as_percent('score', 'percent_min', 'percent_max') }} as grade_percent,
        -- letters go by the percentage held to 0..100; without a range every grade is the greatest
        case
            when score is null then null
            when percent_max = percent_min then cast(100 as double)
            else least(greatest({{ as_percent('score', 'percent_min', 'percent_max') }}, 0), 100)
        end as letter_percent
    from published
)

select * from keyed
