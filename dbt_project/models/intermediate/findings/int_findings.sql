-- One row for each finding: a row of the source that breaks a rule. `subject` is the kind of row, as in int_rule_coverage.
with grades as (
    select * from {{ ref('int_grades') }}
),

gradebook as (
    select * from {{ ref('int_gradebook') }}
),

quiz_attempts as (
    select * from {{ ref('int_quiz_attempts') }}
),

question_attempts as (
    select * from {{ ref('int_question_attempts') }}
),

final_grades_out_of_bounds as (
    select
        {{ finding('score_out_of_bounds', 'grade', "'grade/' || gradebook_grade_key", {
            'final_grade': 'final_grade',
            'least': 'least_grade',
            'greatest': 'greatest_grade',
            'grade_item_key': 'grade_item_key',
            'item_type': 'item_type',
            'raw_grade': 'raw_grade',
            'is_overridden': 'is_overridden',
            'is_locked': 'is_locked',
        }, 'coalesce(graded_at, modified_at)', attempt_key='cast(null as varchar)') }}
    from gradebook
    where is_withheld
),

attempts_out_of_bounds as (
    select
        {{ finding('score_out_of_bounds', 'attempt', "'attempt/' || attempt_key", {
            'sum_of_marks': 'marks',
            'least': 'least_mark',
            'greatest': 'greatest_mark',
            'state': 'state',
        }, 'coalesce(submitted_at, modified_at)') }}
    from quiz_attempts
    where is_out_of_bounds
),

fractions_out_of_bounds as (
    select
        {{ finding('score_out_of_bounds', 'question',
            "'question/' || quiz_attempts.attempt_key || '/' || cast(question_attempts.slot as varchar)", {
            'fraction': 'question_attempts.fraction',
            'least': 'question_attempts.min_fraction',
            'greatest': 'question_attempts.max_fraction',
            'slot': 'question_attempts.slot',
            'state': 'question_attempts.state',
        }, 'question_attempts.last_at', of='quiz_attempts') }}
    from question_attempts
    inner join quiz_attempts
        on question_attempts.source = quiz_attempts.source
        and question_attempts.question_usage_id = quiz_attempts.question_usage_id
    where question_attempts.is_out_of_bounds
),

-- One finding for a grade, even where it differs on both sides.
grades_without_a_reason as (
    select
        {{ finding('grade_mismatch', 'grade', "grade_key", {
            'grade': 'grade',
            'computed_grade': 'computed_grade',
            'final_grade': 'published_grade',
            'raw_grade': 'raw_grade',
            'parity': 'parity',
            'parity_reason': 'parity_reason',
            'gradebook_parity': 'gradebook_parity',
            'gradebook_reason': 'gradebook_reason',
            'grade_method': 'grade_method',
            'attempts_counted': 'attempts_counted',
        }, 'greatest(stored_at, graded_at, submitted_at)', attempt_key='cast(null as varchar)') }}
    from grades
    where
        (parity <> 'match' and parity_reason is null)
        or (gradebook_parity <> 'match' and gradebook_reason is null)
),

orphaned_attempts as (
    select
        {{ finding('orphaned_attempt', 'attempt', "attempt_key", {
            'is_without_quiz': 'is_without_quiz',
            'is_without_usage': 'is_without_usage',
            'question_usage_id': 'question_usage_id',
            'state': 'state',
        }, 'modified_at') }}
    from quiz_attempts
    where is_without_quiz or is_without_usage
),

duplicate_grades as (
    select
        {{ finding('duplicate_grade', 'grade', "grade_key", {
            'rows_stored': 'rows_stored',
            'grade_used': 'grade',
            'computed_grade': 'computed_grade',
        }, 'stored_at', attempt_key='cast(null as varchar)') }}
    from grades
    where rows_stored > 1
),

findings as (
    select * from final_grades_out_of_bounds
    union all
    select * from attempts_out_of_bounds
    union all
    select * from fractions_out_of_bounds
    union all
    select * from grades_without_a_reason
    union all
    select * from orphaned_attempts
    union all
    select * from duplicate_grades
    union all
    select * from {{ ref('int_package_findings') }}
    union all
    select * from {{ ref('int_lifecycle_findings') }}
)

select * from findings
