-- One row for each cohort.
with cohorts as (
    select * from {{ ref('stg_moodle__cohort') }}
),

contexts as (
    select * from {{ ref('stg_moodle__context') }}
),

joined as (
    select
        cohorts.source,
        cohorts.cohort_id,
        {{ key('cohorts.source', 'cohorts.cohort_id') }} as cohort_key,
        cohorts.name,
        nullif(cohorts.id_number, '') as id_number,
        {{ moodle_word('context_level', 'contexts.context_level') }} as context_level,
        coalesce(cohorts.is_visible, true) as is_visible,
        cohorts.created_at
    from cohorts
    left join contexts
        on cohorts.source = contexts.source
        and cohorts.context_id = contexts.context_id
)

select * from joined
