{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['completion_key'], meta={'touched_by': 'int_touched_activity_completions'}
) }}
-- One row for each account and activity with a stored completion state.
with activity_completions as (
    select * from {{ ref('int_activity_completions') }}
)

select
    completion_key,
    source,
    activity_key,
    course_key,
    user_key,
    cast(course_module_id as varchar) as course_module_id,
    state,
    is_completed,
    is_overridden,
    case when state <> 'incomplete' then modified_at end as completed_at,
    modified_at as state_set_at
from activity_completions
where {{ only_touched('int_touched_activity_completions', {'completion_key': 'activity_completions.completion_key'}) }}
