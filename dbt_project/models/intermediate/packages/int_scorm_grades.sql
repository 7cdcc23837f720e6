-- One row for each account and SCORM activity with attempts: the grade that Moodle makes of them.
with attempts as (
    select * from {{ ref('int_scorm_attempts') }}
),

scores as (
    select
        source,
        scorm_id,
        user_id,
        min(grade_method) as grade_method,
        count(*) filter (where is_counted) as attempts_counted,
        max(score) filter (where is_counted) as highest_score,
        sum(score) as total_score,
        count(*) filter (where has_graded_element) as attempts_averaged,
        max(score) filter (where is_graded_attempt) as chosen_score,
        bool_or(score is not null) as is_gradable,
        max(last_activity_at) as submitted_at
    from attempts
    group by source, scorm_id, user_id
),

computed as (
    select
        source,
        scorm_id,
        user_id,
        attempts_counted,
        case
            when not is_gradable then null
            when grade_method = 'highest' then greatest(highest_score, 0)
            when grade_method = 'average'
                then coalesce({{ as_grade('round(total_score / nullif(attempts_averaged, 0))') }}, 0)
            -- Moodle reads an attempt that is not there as one without a score
            else coalesce(chosen_score, 0)
        end as computed_grade,
        submitted_at
    from scores
)

select * from computed
