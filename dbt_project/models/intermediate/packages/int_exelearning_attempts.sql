{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['source', 'exelearning_id', 'user_id'], meta={'touched_by': 'int_touched_exelearning_accounts'}
) }}
-- One row for each attempt at an eXeLearning activity: all rows of one account and attempt number.
with attempt_rows as (
    select *
    from {{ ref('stg_moodle__exelearning_attempt') }} as moodle
    where {{ only_touched('int_touched_exelearning_accounts', {
        'source': 'moodle.source',
        'exelearning_id': 'moodle.exelearning_id',
        'user_id': 'moodle.user_id',
    }) }}
),

statements as (
    select *
    from {{ ref('stg_moodle__exelearning_tracking_events') }} as moodle
    where {{ only_touched('int_touched_exelearning_accounts', {
        'source': 'moodle.source',
        'exelearning_id': 'moodle.exelearning_id',
        'user_id': 'moodle.user_id',
    }) }}
),

exelearnings as (
    select * from {{ ref('stg_moodle__exelearning') }}
),

items as (
    select * from {{ ref('stg_moodle__exelearning_grade_item') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

-- Statements of a page load and the attempt that it began share the page load's token.
page_loads as (
    select
        source,
        exelearning_id,
        user_id,
        page_load,
        max_by(verb, exelearning_tracking_event_id) filter (where verb in ('passed', 'failed')) as verdict
    from statements
    where is_of_a_page_load
    group by source, exelearning_id, user_id, page_load
),

items_now as (
    select
        source,
        exelearning_id,
        count(*) as items_total
    from items
    where not is_deleted
    group by source, exelearning_id
),

attempts as (
    select
        attempt_rows.source,
        attempt_rows.exelearning_id,
        attempt_rows.user_id,
        attempt_rows.attempt_number,
        min(attempt_rows.exelearning_attempt_id) as exelearning_attempt_id,
        count(*) filter (where attempt_rows.item_number > 0) as items_answered,
        max(attempt_rows.raw_score) filter (where attempt_rows.item_number = 0) as reported_score,
        max(attempt_rows.max_score) filter (where attempt_rows.item_number = 0) as max_score,
        max(attempt_rows.score_scaled) filter (where attempt_rows.item_number = 0) as reported_scaled,
        max(attempt_rows.status) filter (where attempt_rows.item_number = 0) as status,
        max(attempt_rows.modified_at) filter (where attempt_rows.item_number = 0) as scored_at,
        count(attempt_rows.score_scaled) filter (where attempt_rows.item_number = 0 and attempt_rows.is_gradable) > 0
            as is_counted,
        bool_or(page_loads.page_load is not null) as is_of_statements,
        max(page_loads.verdict) as verdict,
        min(attempt_rows.created_at) as started_at,
        max(attempt_rows.modified_at) as last_activity_at
    from attempt_rows
    left join page_loads
        on attempt_rows.source = page_loads.source
        and attempt_rows.exelearning_id = page_loads.exelearning_id
        and attempt_rows.user_id = page_loads.user_id
        and attempt_rows.page_load = page_loads.page_load
        and attempt_rows.is_of_a_page_load
    group by
        attempt_rows.source, attempt_rows.exelearning_id, attempt_rows.user_id, attempt_rows.attempt_number
),

joined as (
    select
        attempts.*,
        exelearnings.course_id,
        accounts.user_key,
        coalesce(items_now.items_total, 0) as items_total,
        {{ moodle_word('exelearning_grade_method', 'exelearnings.grade_method_id') }} as grade_method,
        exelearnings.max_grade as activity_max,
        coalesce(
            attempts.reported_scaled not between 0 and 1
            or attempts.reported_score < least(exelearnings.min_grade, 0) - {{ grade_tolerance() }}
            or attempts.reported_score > attempts.max_score + {{ grade_tolerance() }},
            false
        ) as is_out_of_bounds,
        -- an attempt of which only parts came has no status yet
        coalesce(attempts.status in ('passed', 'failed', 'completed'), false) as is_completed
    from attempts
    left join exelearnings
        on attempts.source = exelearnings.source
        and attempts.exelearning_id = exelearnings.exelearning_id
    left join items_now
        on attempts.source = items_now.source
        and attempts.exelearning_id = items_now.exelearning_id
    -- a row that names no account stands for nobody
    inner join accounts
        on attempts.source = accounts.source
        and attempts.user_id = accounts.user_id
),

ranked as (
    select
        *,
        row_number() over (partition by source, exelearning_id, user_id order by attempt_number) as from_first,
        row_number() over (partition by source, exelearning_id, user_id order by attempt_number desc) as from_last,
        row_number() over (
            partition by source, exelearning_id, user_id, is_counted
            order by
                case
                    when grade_method = 'highest' then -reported_scaled when grade_method = 'lowest' then reported_scaled
                end,
                case when grade_method = 'last' then -attempt_number else attempt_number end
        ) as from_graded
    from joined
),

keyed as (
    select
        * exclude (from_first, from_last, from_graded),
        from_first = 1 as is_first,
        from_last = 1 as is_last,
        coalesce(is_counted and from_graded = 1 and grade_method <> 'average', false) as is_graded_attempt,
        {{ key('source', "'exelearning'", 'exelearning_attempt_id') }} as attempt_key,
        {{ key('source', "'exelearning'", 'exelearning_id') }} as activity_key,
        {{ key('source', 'nullif(course_id, ' ~ site_course_id() ~ ')') }} as course_key,
        case when is_of_statements then 'xapi' else 'scorm' end as channel,
        case when is_completed then 'completed' else 'in_progress' end as state,
        -- the row keeps what came last, and a verdict may have come before a mere "completed"
        case when is_completed then coalesce(verdict, nullif(status, 'completed')) end as outcome,
        case when not is_out_of_bounds then reported_score end as raw_score,
        case when not is_out_of_bounds then {{ as_fraction('reported_scaled') }} end as score_scaled,
        case when not is_out_of_bounds then {{ as_grade('reported_scaled * activity_max') }} end as grade,
        case when is_completed then scored_at end as completed_at,
        case when is_completed then date_diff('second', started_at, scored_at) end as duration_seconds
    from ranked
)

select * from keyed
