{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['source', 'question_usage_id'], meta={'touched_by': 'int_touched_usages'}
) }}
-- One row for each question attempt (question usage and slot), with the state and fraction it stands at.
with question_attempts as (
    select *
    from {{ ref('stg_moodle__question_attempts') }} as moodle
    where {{ only_touched('int_touched_usages', {
        'source': 'moodle.source',
        'question_usage_id': 'moodle.question_usage_id',
    }) }}
),

steps as (
    select *
    from {{ ref('stg_moodle__question_attempt_steps') }} as moodle
    where {{ only_touched('int_touched_usages', {
        'source': 'moodle.source',
        'question_usage_id': 'moodle.question_usage_id',
    }) }}
),

questions as (
    select * from {{ ref('stg_moodle__question') }}
),

question_states as (
    select * from {{ ref('question_states') }}
),

latest as (
    select
        source,
        question_attempt_id,
        -- an autosaved step is numbered below zero, after the last real one: it says how the question stands,
        -- but it is never marked
        {{ value_at_greatest('state', 'abs(sequence_number) * 2 + cast(sequence_number < 0 as integer)') }} as state,
        {{ value_at_greatest('fraction', 'sequence_number') }} as fraction,
        min(created_at) as first_at,
        max(created_at) as last_at,
        -- marking by hand is a teacher's step
        max(created_at) filter (where state not like 'man%') as last_answer_at
    from steps
    group by source, question_attempt_id
),

joined as (
    select
        question_attempts.source,
        question_attempts.question_attempt_id,
        question_attempts.question_usage_id,
        question_attempts.question_id,
        question_attempts.slot,
        latest.state,
        question_attempts.max_mark,
        question_attempts.min_fraction,
        question_attempts.max_fraction,
        latest.fraction,
        -- questions without length, such as descriptions, only show something
        coalesce(questions.length, 1) > 0 as is_question,
        coalesce(question_states.is_answered, false) as is_answered,
        coalesce(
            latest.fraction not between question_attempts.min_fraction - {{ fraction_tolerance() }}
            and question_attempts.max_fraction + {{ fraction_tolerance() }},
            false
        ) as is_out_of_bounds,
        latest.first_at,
        latest.last_at,
        latest.last_answer_at
    from question_attempts
    left join latest
        on question_attempts.source = latest.source
        and question_attempts.question_attempt_id = latest.question_attempt_id
    left join questions
        on question_attempts.source = questions.source
        and question_attempts.question_id = questions.question_id
    left join question_states
        on latest.state = question_states.state
)

select * from joined
