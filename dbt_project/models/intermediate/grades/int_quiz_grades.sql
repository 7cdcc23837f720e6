{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['source', 'quiz_id', 'user_id'], meta={'touched_by': 'int_touched_quiz_accounts'}
) }}
-- One row for each account and quiz with a stored grade, or with attempts that a grade is computed from.
with attempts as (
    select
        *,
        is_counted and state = 'completed' as is_counted_completed
    from {{ ref('int_quiz_attempts') }} as quiz_attempts
    where {{ only_touched('int_touched_quiz_accounts', {
        'source': 'quiz_attempts.source',
        'quiz_id': 'quiz_attempts.quiz_id',
        'user_id': 'quiz_attempts.user_id',
    }) }}
),

quizzes as (
    select * from {{ ref('int_quizzes') }}
),

stored_grades as (
    select *
    from {{ ref('stg_moodle__quiz_grades') }} as moodle
    where {{ only_touched('int_touched_quiz_accounts', {
        'source': 'moodle.source',
        'quiz_id': 'moodle.quiz_id',
        'user_id': 'moodle.user_id',
    }) }}
),

feedback as (
    select * from {{ ref('stg_moodle__quiz_feedback') }}
),

attempt_marks as (
    select
        source,
        quiz_id,
        user_id,
        count(*) filter (where is_counted) as attempts_counted,
        count(marks) filter (where is_counted) as attempts_marked,
        count(marks) filter (where is_counted_completed) as attempts_marked_of_completed,
        max(marks) filter (where is_counted) as highest_mark,
        sum(marks) filter (where is_counted) as total_mark,
        -- the first and the last attempt decide also where they have no marks
        {{ value_at_greatest('marks', '-attempt_number', where='is_counted') }} as first_mark,
        {{ value_at_greatest('marks', 'attempt_number', where='is_counted') }} as last_mark,
        {{ value_at_greatest('state', '-attempt_number', where='is_counted') }} as first_state,
        {{ value_at_greatest('state', 'attempt_number', where='is_counted') }} as last_state,
        max(marks) filter (where is_counted_completed) as highest_mark_of_completed,
        sum(marks) filter (where is_counted_completed) as total_mark_of_completed,
        {{ value_at_greatest('marks', '-attempt_number', where='is_counted_completed') }}
            as first_mark_of_completed,
        {{ value_at_greatest('marks', 'attempt_number', where='is_counted_completed') }}
            as last_mark_of_completed,
        bool_or(is_out_of_bounds and (is_graded_attempt or grade_method = 'average')) filter (where is_counted)
            as is_decided_out_of_bounds,
        max(submitted_at) filter (where is_counted) as submitted_at
    from attempts
    group by source, quiz_id, user_id
),

marks as (
    select
        attempt_marks.*,
        quizzes.grade_method,
        quizzes.quiz_sum,
        quizzes.quiz_grade,
        {{ mark_by_method('quizzes.grade_method') }} as mark,
        {{ mark_by_method('quizzes.grade_method', '_of_completed') }} as mark_of_completed,
        case when quizzes.grade_method = 'average' then attempt_marks.attempts_marked else 1 end as divisor,
        case when quizzes.grade_method = 'average' then attempt_marks.attempts_marked_of_completed else 1 end
            as divisor_of_completed,
        case quizzes.grade_method when 'first' then attempt_marks.first_state when 'last' then attempt_marks.last_state end
            as deciding_state
    from attempt_marks
    inner join quizzes
        on attempt_marks.source = quizzes.source
        and attempt_marks.quiz_id = quizzes.quiz_id
    where attempt_marks.attempts_counted > 0
),

computed as (
    select
        source,
        quiz_id,
        user_id,
        attempts_counted,
        deciding_state,
        {{ rescaled_to_quiz('mark', 'divisor', 'quiz_sum', 'quiz_grade') }} as computed_grade,
        {{ rescaled_to_quiz('mark_of_completed', 'divisor_of_completed', 'quiz_sum', 'quiz_grade') }}
            as grade_of_completed,
        is_decided_out_of_bounds,
        submitted_at
    from marks
),

-- Nothing in Moodle's database keeps a second row out; the one written last stands.
stored as (
    select
        source,
        quiz_id,
        user_id,
        quiz_grade_id,
        grade,
        modified_at,
        count(*) over (partition by source, quiz_id, user_id) as rows_stored,
        min(grade) over (partition by source, quiz_id, user_id) as least_stored,
        max(grade) over (partition by source, quiz_id, user_id) as greatest_stored
    from stored_grades
    qualify row_number() over (partition by source, quiz_id, user_id order by quiz_grade_id desc) = 1
),

-- The band that the stored grade falls in, a grade below zero in that of zero.
banded as (
    select
        stored.quiz_grade_id,
        stored.source,
        min_by(feedback.feedback_text, feedback.quiz_feedback_id) as feedback_band
    from stored
    inner join feedback
        on stored.source = feedback.source
        and stored.quiz_id = feedback.quiz_id
        and greatest(stored.grade, 0) >= feedback.min_grade
        and greatest(stored.grade, 0) < feedback.max_grade
    group by stored.quiz_grade_id, stored.source
),

matched as (
    select
        coalesce(stored.source, computed.source) as source,
        coalesce(stored.quiz_id, computed.quiz_id) as quiz_id,
        coalesce(stored.user_id, computed.user_id) as user_id,
        coalesce(computed.attempts_counted, 0) as attempts_counted,
        coalesce(stored.rows_stored, 0) as rows_stored,
        coalesce(computed.is_decided_out_of_bounds, false) as is_decided_out_of_bounds,
        stored.least_stored,
        stored.greatest_stored,
        computed.deciding_state,
        stored.grade,
        computed.computed_grade,
        computed.grade_of_completed,
        banded.feedback_band,
        stored.modified_at as stored_at,
        computed.submitted_at
    from stored
    full join computed
        on stored.source = computed.source
        and stored.quiz_id = computed.quiz_id
        and stored.user_id = computed.user_id
    left join banded
        on stored.source = banded.source
        and stored.quiz_grade_id = banded.quiz_grade_id
)

select * from matched
