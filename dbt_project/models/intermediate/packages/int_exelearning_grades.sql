{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['source', 'exelearning_id', 'user_id'], meta={'touched_by': 'int_touched_exelearning_accounts'}
) }}
-- One row for each account, eXeLearning activity and item with scores; item 0 is the whole.
with attempt_rows as (
    select *
    from {{ ref('stg_moodle__exelearning_attempt') }} as moodle
    where
        is_gradable
        and score_scaled is not null
        and {{ only_touched('int_touched_exelearning_accounts', {
            'source': 'moodle.source',
            'exelearning_id': 'moodle.exelearning_id',
            'user_id': 'moodle.user_id',
        }) }}
),

exelearnings as (
    select
        *,
        {{ moodle_word('exelearning_grade_method', 'grade_method_id') }} as grade_method,
        {{ moodle_word('exelearning_grade_model', 'grade_model_id') }} as grade_model
    from {{ ref('stg_moodle__exelearning') }}
),

scores as (
    select
        source,
        exelearning_id,
        user_id,
        item_number,
        count(*) as attempts_counted,
        max(score_scaled) as highest_scaled,
        min(score_scaled) as lowest_scaled,
        sum(score_scaled) as total_scaled,
        min_by(score_scaled, attempt_number) as first_scaled,
        max_by(score_scaled, attempt_number) as last_scaled,
        max(modified_at) as submitted_at
    from attempt_rows
    group by source, exelearning_id, user_id, item_number
),

chosen as (
    select
        scores.*,
        exelearnings.grade_method,
        exelearnings.max_grade,
        case exelearnings.grade_method
            when 'highest' then scores.highest_scaled
            when 'average' then scores.total_scaled
            when 'first' then scores.first_scaled
            when 'last' then scores.last_scaled
            when 'lowest' then scores.lowest_scaled
        end as scaled,
        case when exelearnings.grade_method = 'average' then scores.attempts_counted else 1 end as divisor,
        -- the gradebook has a column for the whole or one for each part, never both
        coalesce(
            exelearnings.is_grade_enabled
            and (exelearnings.grade_model = 'overall') = (scores.item_number = 0),
            false
        ) as is_published,
        scores.lowest_scaled < 0 or scores.highest_scaled > 1 as is_out_of_bounds
    from scores
    inner join exelearnings
        on scores.source = exelearnings.source
        and scores.exelearning_id = exelearnings.exelearning_id
),

computed as (
    select
        source,
        exelearning_id,
        user_id,
        item_number,
        attempts_counted,
        is_published,
        case when not is_out_of_bounds then {{ as_fraction('scaled / divisor') }} end as computed_scaled,
        {{ as_grade('scaled * max_grade / divisor') }} as computed_grade,
        is_out_of_bounds as is_decided_out_of_bounds,
        submitted_at
    from chosen
)

select * from computed
