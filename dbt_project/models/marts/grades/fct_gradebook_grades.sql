-- One row for each account and gradebook item (of activities, manual, category and course).
with gradebook as (
    select * from {{ ref('int_gradebook') }}
),

letters as (
    select * from {{ ref('int_grade_letters') }}
)

select
    gradebook.gradebook_grade_key,
    gradebook.source,
    gradebook.grade_item_key,
    gradebook.course_key,
    gradebook.activity_key,
    gradebook.user_key,
    gradebook.item_type,
    letters.letter,
    gradebook.aggregation_status,
    gradebook.aggregation_weight,
    gradebook.grade,
    gradebook.grade_percent,
    gradebook.min_grade,
    gradebook.max_grade,
    gradebook.is_passed,
    gradebook.is_overridden,
    gradebook.is_hidden,
    gradebook.is_excluded,
    gradebook.is_locked,
    gradebook.is_withheld,
    gradebook.submitted_at,
    gradebook.graded_at
from gradebook
left join letters
    on gradebook.source = letters.source
    and gradebook.course_id = letters.course_id
    and gradebook.letter_percent >= letters.from_percent
    and gradebook.letter_percent < letters.below_percent
