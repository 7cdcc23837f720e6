{{ config(materialized='table') }}
-- One row for each quiz and account whose attempts and grade must be worked out again.
with attempts as (
    select * from {{ ref('stg_moodle__quiz_attempts') }}
),

stored_grades as (
    select * from {{ ref('stg_moodle__quiz_grades') }}
),

touched_attempts as (
    select * from {{ ref('stg_touched__quiz_attempts') }}
),

touched_grades as (
    select * from {{ ref('stg_touched__quiz_grades') }}
),

touched_quizzes as (
    select * from {{ ref('stg_touched__quiz') }}
),

touched_feedback as (
    select * from {{ ref('stg_touched__quiz_feedback') }}
),

touched_items as (
    select * from {{ ref('stg_touched__grade_items') }}
),

touched_usages as (
    select
        source,
        question_usage_id
    from {{ ref('int_touched_usages') }}
    union
    select
        source,
        question_usage_id
    from {{ ref('stg_touched__question_usages') }}
),

-- What decides the grades of a quiz: its own settings, the pass grade of its grade item, its bands.
quizzes as (
    select
        source,
        quiz_id
    from touched_quizzes
    union
    select
        source,
        item_instance_id as quiz_id
    from touched_items
    where item_module = 'quiz'
    union
    select
        source,
        quiz_id
    from touched_feedback
),

touched as (
    select
        source,
        quiz_id,
        user_id
    from touched_attempts
    union
    select
        source,
        quiz_id,
        user_id
    from touched_grades
    union
    select
        attempts.source,
        attempts.quiz_id,
        attempts.user_id
    from attempts
    inner join touched_usages
        on attempts.source = touched_usages.source
        and attempts.question_usage_id = touched_usages.question_usage_id
    union
    select
        attempts.source,
        attempts.quiz_id,
        attempts.user_id
    from attempts
    inner join quizzes
        on attempts.source = quizzes.source
        and attempts.quiz_id = quizzes.quiz_id
    union
    select
        stored_grades.source,
        stored_grades.quiz_id,
        stored_grades.user_id
    from stored_grades
    inner join quizzes
        on stored_grades.source = quizzes.source
        and stored_grades.quiz_id = quizzes.quiz_id
)

select * from touched
