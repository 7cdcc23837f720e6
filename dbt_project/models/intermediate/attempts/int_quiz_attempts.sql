{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['source', 'quiz_attempt_id'], meta={'touched_by': 'int_touched_attempts'}
) }}
-- One row for each quiz attempt.
with attempts as (
    select *
    from {{ ref('stg_moodle__quiz_attempts') }} as moodle
    where {{ only_touched('int_touched_attempts', {
        'source': 'moodle.source',
        'quiz_attempt_id': 'moodle.quiz_attempt_id',
    }) }}
),

quizzes as (
    select * from {{ ref('int_quizzes') }}
),

question_attempts as (
    select * from {{ ref('int_question_attempts') }}
),

usages as (
    select * from {{ ref('stg_moodle__question_usages') }}
),

attempt_states as (
    select * from {{ ref('quiz_attempt_states') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

sources as (
    select * from {{ ref('stg_landing__sources') }}
),

begun_in_app as (
    select distinct
        source,
        subject_id as quiz_attempt_id
    from {{ ref('int_log_events') }}
    where
        activity_type = 'quiz'
        and event = 'started'
        and origin = 'ws'
        and rejected_rule is null
),

questions as (
    select
        attempts.source,
        attempts.quiz_attempt_id,
        question_attempts.is_question
        -- restarting a question moves the earlier try to a slot that is not in the layout and gives no marks
        and contains(',' || attempts.layout || ',', ',' || question_attempts.slot || ',') as is_item,
        question_attempts.is_answered,
        question_attempts.max_mark * question_attempts.min_fraction as least_mark,
        question_attempts.max_mark * question_attempts.max_fraction as greatest_mark,
        question_attempts.last_answer_at
    from question_attempts
    inner join attempts
        on question_attempts.source = attempts.source
        and question_attempts.question_usage_id = attempts.question_usage_id
),

question_totals as (
    select
        source,
        quiz_attempt_id,
        count(*) filter (where is_item) as items_total,
        count(*) filter (where is_item and is_answered) as items_answered,
        sum(least_mark) as least_mark,
        sum(greatest_mark) as greatest_mark,
        max(last_answer_at) as last_answer_at
    from questions
    group by source, quiz_attempt_id
),

joined as (
    select
        attempts.source,
        attempts.quiz_attempt_id,
        attempts.quiz_id,
        attempts.user_id,
        attempts.question_usage_id,
        quizzes.course_id,
        accounts.user_key,
        attempts.attempt_number,
        coalesce(attempt_states.state, attempts.state) as state,
        quizzes.grade_method,
        quizzes.quiz_sum,
        quizzes.quiz_grade,
        quizzes.pass_grade,
        sources.site_url,
        attempts.sum_grades as marks,
        question_totals.least_mark,
        question_totals.greatest_mark,
        coalesce(question_totals.items_total, 0) as items_total,
        coalesce(question_totals.items_answered, 0) as items_answered,
        coalesce(attempts.is_preview, false) as is_preview,
        coalesce(attempt_states.is_started, true) as is_started,
        not coalesce(attempts.is_preview, false) and coalesce(attempt_states.is_in_grade_set, false) as is_counted,
        quizzes.quiz_id is null as is_without_quiz,
        usages.question_usage_id is null as is_without_usage,
        coalesce(
            attempts.sum_grades not between question_totals.least_mark - {{ grade_tolerance() }}
            and question_totals.greatest_mark + {{ grade_tolerance() }},
            false
        ) as is_out_of_bounds,
        attempts.modified_offline_at is not null or begun_in_app.quiz_attempt_id is not null as is_made_in_app,
        case when coalesce(attempt_states.is_started, true) then attempts.started_at end as started_at,
        case when attempt_states.is_submitted then attempts.finished_at end as submitted_at,
        attempts.modified_at,
        question_totals.last_answer_at
    from attempts
    left join quizzes
        on attempts.source = quizzes.source
        and attempts.quiz_id = quizzes.quiz_id
    left join question_totals
        on attempts.source = question_totals.source
        and attempts.quiz_attempt_id = question_totals.quiz_attempt_id
    left join usages
        on attempts.source = usages.source
        and attempts.question_usage_id = usages.question_usage_id
    left join begun_in_app
        on attempts.source = begun_in_app.source
        and attempts.quiz_attempt_id = begun_in_app.quiz_attempt_id
    left join attempt_states
        on attempts.state = attempt_states.moodle_state
    -- a row that names no account stands for nobody
    inner join accounts
        on attempts.source = accounts.source
        and attempts.user_id = accounts.user_id
    left join sources
        on attempts.source = sources.source
),

ranked as (
    select
        *,
        row_number() over (
            partition by source, quiz_id, user_id, is_preview order by attempt_number, quiz_attempt_id
        ) as from_first,
        row_number() over (
            partition by source, quiz_id, user_id, is_preview order by attempt_number desc, quiz_attempt_id desc
        ) as from_last,
        row_number() over (
            partition by source, quiz_id, user_id, is_counted
            order by
                case when grade_method = 'highest' then -marks end nulls last,
                case when grade_method = 'last' then -attempt_number else attempt_number end,
                quiz_attempt_id
        ) as from_graded
    from joined
),

scored as (
    select
        * exclude (from_first, from_last, from_graded),
        not is_preview and from_first = 1 as is_first,
        not is_preview and from_last = 1 as is_last,
        -- no single attempt gives an average, and one without marks gives no grade
        coalesce(is_counted and from_graded = 1 and marks is not null and grade_method <> 'average', false)
            as is_graded_attempt,
        coalesce(state = 'completed' and marks is null, false) as needs_grading,
        case when not is_out_of_bounds then marks end as raw_score,
        case when not is_out_of_bounds and quiz_sum >= {{ almost_zero() }} then {{ as_fraction('marks / quiz_sum') }} end
            as score_scaled,
        case when not is_out_of_bounds then {{ rescaled_to_quiz('marks', '1', 'quiz_sum', 'quiz_grade') }} end as grade
    from ranked
),

keyed as (
    select
        *,
        {{ key('source', "'quiz'", 'quiz_attempt_id') }} as attempt_key,
        {{ key('source', "'quiz'", 'quiz_id') }} as activity_key,
        {{ key('source', 'nullif(course_id, ' ~ site_course_id() ~ ')') }} as course_key,
        case when is_started then case when is_made_in_app then 'mobile' else 'web' end end as channel,
        case when grade >= pass_grade then 'passed' when grade < pass_grade then 'failed' end as outcome,
        site_url || '/mod/quiz/review.php?attempt=' || cast(quiz_attempt_id as varchar) as url,
        date_diff('second', started_at, submitted_at) as duration_seconds,
        case when state = 'completed' then submitted_at end as completed_at,
        case when is_started then greatest(started_at, last_answer_at, submitted_at) end as last_activity_at
    from scored
)

select * from keyed
