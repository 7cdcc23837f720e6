{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['activity_key', 'user_key'], meta={'touched_by': 'int_touched_grades'}
) }}
-- One row for each account, activity and item number that has, or should have, a grade.
with grades as (
    select * from {{ ref('int_grades') }}
)

select
    grade_key,
    source,
    course_key,
    user_key,
    activity_key,
    grade_item_key,
    activity_type,
    cast(item_number as integer) as item_number,
    grade_method,
    url,
    cast(attempts_counted as integer) as attempts_counted,
    grade,
    computed_grade,
    published_grade as gradebook_grade,
    min_grade,
    max_grade,
    grade_scaled,
    pass_grade,
    is_passed,
    feedback_band,
    parity,
    parity_reason,
    gradebook_parity,
    gradebook_reason,
    is_overridden,
    is_hidden,
    is_excluded,
    is_locked,
    is_withheld,
    submitted_at,
    graded_at
from grades
where {{ only_touched('int_touched_grades', {'activity_key': 'grades.activity_key', 'user_key': 'grades.user_key'}) }}
