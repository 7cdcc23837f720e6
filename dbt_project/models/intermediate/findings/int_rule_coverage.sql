-- One row for each anomaly rule and subject (the kind of row that a finding is about), with how many rows it covers.
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

exelearning_attempts as (
    select * from {{ ref('int_exelearning_attempts') }}
),

scorm_attempts as (
    select * from {{ ref('int_scorm_attempts') }}
),

attempt_events as (
    select * from {{ ref('int_attempt_events') }}
),

logged_events as (
    select * from attempt_events
    where source_of_event = 'log'
),

lives as (
    select * from {{ ref('int_attempts') }}
    where
        not is_preview
        and activity_type in ('quiz', 'exelearning')
),

scored_attempts as (
    select attempt_key
    from quiz_attempts
    where marks is not null
    union all
    select attempt_key
    from exelearning_attempts
    where reported_score is not null
),

question_attempts as (
    select * from {{ ref('int_question_attempts') }}
),

covered as (
    select
        'score_out_of_bounds' as rule,
        'grade' as subject,
        count(*) as rows_covered
    from gradebook
    where final_grade is not null
    union all
    select
        'score_out_of_bounds' as rule,
        'attempt' as subject,
        count(*) as rows_covered
    from scored_attempts
    union all
    select
        'score_out_of_bounds' as rule,
        'question' as subject,
        count(*) as rows_covered
    from question_attempts
    inner join quiz_attempts
        on question_attempts.source = quiz_attempts.source
        and question_attempts.question_usage_id = quiz_attempts.question_usage_id
    where question_attempts.fraction is not null
    union all
    select
        'grade_mismatch' as rule,
        'grade' as subject,
        count(*) as rows_covered
    from grades
    union all
    select
        'orphaned_attempt' as rule,
        'attempt' as subject,
        count(*) as rows_covered
    from quiz_attempts
    union all
    select
        'duplicate_grade' as rule,
        'grade' as subject,
        count(*) as rows_covered
    from grades
    where rows_stored > 0
    union all
    select
        'repeated_event' as rule,
        'event' as subject,
        count(*) as rows_covered
    from logged_events
    union all
    select
        'event_without_attempt' as rule,
        'event' as subject,
        count(*) as rows_covered
    from logged_events
    union all
    select
        'attempt_without_event' as rule,
        'attempt' as subject,
        count(*) as rows_covered
    from lives
    union all
    select
        'completed_before_started' as rule,
        'event' as subject,
        count(*) as rows_covered
    from logged_events
    where event = 'completed'
    union all
    select
        'terminal_regressed' as rule,
        'attempt' as subject,
        count(*) as rows_covered
    from exelearning_attempts
    union all
    select
        'event_flood' as rule,
        'attempt' as subject,
        count(*) as rows_covered
    from lives
    union all
    select
        'lost_terminal' as rule,
        'attempt' as subject,
        count(*) as rows_covered
    from exelearning_attempts
    union all
    select
        'contradictory_verdict' as rule,
        'attempt' as subject,
        count(*) as rows_covered
    from exelearning_attempts
    union all
    select
        'double_channel' as rule,
        'attempt' as subject,
        count(*) as rows_covered
    from exelearning_attempts
    union all
    select
        'over_cap' as rule,
        'attempt' as subject,
        (select count(*) from exelearning_attempts) + (select count(*) from scorm_attempts) as rows_covered
),

complete as (
    select
        rules.rule,
        rules.severity,
        coalesce(covered.subject, '') as subject,
        cast(coalesce(covered.rows_covered, 0) as bigint) as rows_covered
    from rules
    left join covered
        on rules.rule = covered.rule
)

select * from complete
