-- One row for each quiz, with what decides its grades.
with quizzes as (
    select * from {{ ref('stg_moodle__quiz') }}
),

grade_items as (
    select * from {{ ref('int_activity_grade_items') }}
),

joined as (
    select
        quizzes.source,
        quizzes.quiz_id,
        quizzes.course_id,
        {{ moodle_word('quiz_grade_method', 'quizzes.grade_method_id') }} as grade_method,
        quizzes.sum_grades as quiz_sum,
        quizzes.max_grade as quiz_grade,
        grade_items.pass_grade
    from quizzes
    left join grade_items
        on quizzes.source = grade_items.source
        and quizzes.quiz_id = grade_items.activity_id
        and grade_items.activity_type = 'quiz'
        and grade_items.item_number = 0
)

select * from joined
