{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['source', 'exelearning_id', 'user_id'], meta={'touched_by': 'int_touched_exelearning_accounts'}
) }}
-- One row for each score of an eXeLearning attempt, of the whole (item 0) or a part, beside what its statements said of it.
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
    select
        source,
        exelearning_id,
        item_number,
        {{ value_at_greatest('object_id', 'exelearning_grade_item_id') }} as object_id,
        {{ value_at_greatest('is_deleted', 'exelearning_grade_item_id') }} as is_deleted,
        {{ value_at_greatest('created_at', 'exelearning_grade_item_id') }} as created_at,
        {{ value_at_greatest('modified_at', 'exelearning_grade_item_id') }} as modified_at
    from {{ ref('stg_moodle__exelearning_grade_item') }}
    group by source, exelearning_id, item_number
),

-- Statements of a page load and the attempt that it began share the page load's token.
page_loads as (
    select
        source,
        exelearning_id,
        user_id,
        page_load,
        max_by(verb, exelearning_tracking_event_id) filter (where verb in ('passed', 'failed')) as verdict,
        count(distinct verb) filter (where verb in ('passed', 'failed')) > 1 as is_contradictory
    from statements
    where is_of_a_page_load
    group by source, exelearning_id, user_id, page_load
),

-- What the statements of a page load said last of the whole (no object) or of a part.
said as (
    select
        source,
        exelearning_id,
        user_id,
        page_load,
        case when verb = 'answered' then object_id end as object_id,
        max_by(score_scaled, exelearning_tracking_event_id) as score_scaled,
        max(created_at) as said_at
    from statements
    where
        is_of_a_page_load
        and (verb in ('completed', 'passed', 'failed') or (verb = 'answered' and object_id is not null))
    group by all
),

scored_rows as (
    select
        attempt_rows.*,
        page_loads.page_load is not null as is_of_statements,
        page_loads.verdict,
        page_loads.is_contradictory,
        said.score_scaled as said_scaled,
        said.said_at,
        items.is_deleted as is_item_removed,
        items.modified_at > attempt_rows.modified_at and items.modified_at > items.created_at as is_item_changed,
        -- the greatest of scores is 1; the least of the whole is what the activity's minimum is of its maximum
        case
            when said.score_scaled is not null and attempt_rows.item_number = 0
                then least(greatest(said.score_scaled, exelearnings.min_grade / nullif(attempt_rows.max_score, 0)), 1)
            when said.score_scaled is not null then least(said.score_scaled, 1)
        end as said_clamped
    from attempt_rows
    left join exelearnings
        on attempt_rows.source = exelearnings.source
        and attempt_rows.exelearning_id = exelearnings.exelearning_id
    left join items
        on attempt_rows.source = items.source
        and attempt_rows.exelearning_id = items.exelearning_id
        and attempt_rows.item_number = items.item_number
    left join page_loads
        on attempt_rows.source = page_loads.source
        and attempt_rows.exelearning_id = page_loads.exelearning_id
        and attempt_rows.user_id = page_loads.user_id
        and attempt_rows.page_load = page_loads.page_load
        and attempt_rows.is_of_a_page_load
    left join said
        on attempt_rows.source = said.source
        and attempt_rows.exelearning_id = said.exelearning_id
        and attempt_rows.user_id = said.user_id
        and attempt_rows.page_load = said.page_load
        and attempt_rows.is_of_a_page_load
        and case when attempt_rows.item_number = 0 then said.object_id is null else items.object_id = said.object_id end
),

compared as (
    select
        *,
        coalesce(abs(score_scaled - said_clamped) <= 2 * {{ grade_tolerance() }}, false) as is_told_alike
    from scored_rows
)

select * from compared
