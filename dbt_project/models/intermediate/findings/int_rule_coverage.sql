-- One row for each anomaly rule, with how many rows it covers.
with rules as (
    select * from {{ ref('anomaly_rules') }}
),

grades as (
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

scores as (
    select count(*) as scores
    from gradebook
    where final_grade is not null
    union all
    select count(*) as scores
    from quiz_attempts
    where marks is not null
    union all
    select count(*) as scores
    from question_attempts
    where fraction is not null
),

covered as (
    -- the scarcest kind of score counts, so that a wave in one kind is not diluted by the others
    select
        'score_out_of_bounds' as rule,
        min(scores) as rows_covered
    from scores
    where scores > 0
    union all
    select
        'grade_mismatch' as rule,
        count(*) as rows_covered
    from grades
    union all
    select
        'orphaned_attempt' as rule,
        count(*) as rows_covered
    from quiz_attempts
    union all
    select
        'duplicate_grade' as rule,
        count(*) as rows_covered
    from grades
    where rows_stored > 0
),

complete as (
    select
        rules.rule,
        cast(coalesce(covered.rows_covered, 0) as bigint) as rows_covered
    from rules
    left join covered
        on rules.rule = covered.rule
)

select * from complete
