-- One row for each account, activity and item number that attempts give a grade for, or that an activity stores one of.
with quiz_grades as (
    select * from {{ ref('int_quiz_grades') }}
),

exelearning_grades as (
    select * from {{ ref('int_exelearning_grades') }}
),

scorm_grades as (
    select * from {{ ref('int_scorm_grades') }}
),

united as (
    select
        source,
        'quiz' as activity_type,
        quiz_id as activity_id,
        0 as item_number,
        user_id,
        attempts_counted,
        rows_stored,
        least_stored,
        greatest_stored,
        is_decided_out_of_bounds,
        deciding_state,
        grade as stored_grade,
        computed_grade,
        null as computed_scaled,
        grade_of_completed,
        feedback_band,
        stored_at,
        submitted_at
    from quiz_grades
    union all
    select
        source,
        'exelearning' as activity_type,
        exelearning_id as activity_id,
        item_number,
        user_id,
        attempts_counted,
        0 as rows_stored,
        null as least_stored,
        null as greatest_stored,
        is_decided_out_of_bounds,
        null as deciding_state,
        null as stored_grade,
        computed_grade,
        computed_scaled,
        null as grade_of_completed,
        null as feedback_band,
        null as stored_at,
        submitted_at
    from exelearning_grades
    union all
    select
        source,
        'scorm' as activity_type,
        scorm_id as activity_id,
        0 as item_number,
        user_id,
        attempts_counted,
        0 as rows_stored,
        null as least_stored,
        null as greatest_stored,
        false as is_decided_out_of_bounds,
        null as deciding_state,
        null as stored_grade,
        computed_grade,
        null as computed_scaled,
        null as grade_of_completed,
        null as feedback_band,
        null as stored_at,
        submitted_at
    from scorm_grades
)

select * from united
