-- One row for each cohort.
with cohorts as (
    select * from {{ ref('int_cohorts') }}
)

select
    cohort_key,
    source,
    cast(cohort_id as varchar) as cohort_id,
    name,
    id_number,
    context_level,
    is_visible,
    created_at
from cohorts
