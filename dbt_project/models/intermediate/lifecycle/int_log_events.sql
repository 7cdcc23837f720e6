{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['source', 'log_id'], meta={'touched_by': 'int_touched_log_events'}
) }}
-- One row for each event of the log about an attempt's life, read once; `rejected_rule` is why it cannot be one.
with logged as (
    select *
    from {{ ref('stg_moodle__logstore_standard_log') }} as moodle
    where {{ only_touched('int_touched_log_events', {
        'source': 'moodle.source',
        'log_id': 'moodle.log_id',
    }) }}
),

lifecycle_events as (
    select * from {{ ref('lifecycle_events') }}
),

decoded as (
    select
        logged.source,
        logged.log_id,
        lifecycle_events.activity_type,
        lifecycle_events.event,
        lifecycle_events.is_published,
        lifecycle_events.counts_once,
        logged.object_id,
        logged.context_instance_id as course_module_id,
        logged.course_id,
        logged.related_user_id,
        logged.user_id as actor_id,
        logged.origin,
        {{ moodle_word('log_operation', 'logged.crud') }} as operation,
        {{ moodle_word('education_level', 'logged.education_level_id') }} as education_level,
        logged.occurred_at,
        logged.other as payload,
        {{ is_log_payload('logged.other') }} as is_readable,
        case
            when lifecycle_events.event = 'deleted' then {{ log_value('logged.other', 'attemptid') }}
            else {{ log_value('logged.other', 'attempt') }}
        end as attempt,
        {{ log_value('logged.other', 'quizid') }} as quiz,
        {{ log_value('logged.other', 'status') }} as reported_status,
        {{ log_value('logged.other', 'score') }} as score,
        {{ is_ticked('logged.other', 'reset_exelearning') }} as is_reset_of_packages,
        {{ is_ticked('logged.other', 'reset_quiz_attempts') }} as is_reset_of_quizzes
    from logged
    inner join lifecycle_events
        on logged.event_name = lifecycle_events.event_name
),

typed as (
    select
        * exclude (attempt, quiz, score, object_id, related_user_id),
        object_id as subject_id,
        related_user_id as user_id,
        case when activity_type = 'exelearning' then related_user_id end as subject_user_id,
        case when activity_type = 'exelearning' then try_cast(attempt as integer) end as attempt_number,
        try_cast(quiz as bigint) as quiz_id,
        {{ as_grade('try_cast(score as double)') }} as reported_score,
        score is not null and try_cast(score as double) is null as is_score_no_number
    from decoded
    where event <> 'reset' or is_reset_of_packages or is_reset_of_quizzes
),

judged as (
    select
        *,
        case
            when occurred_at is null then 'event_without_moment'
            when event = 'reset' then null
            when subject_id is null then 'event_without_object'
            when coalesce(user_id, 0) <= 0 then 'event_without_learner'
            when activity_type <> 'exelearning' then null
            when not is_readable then 'payload_unreadable'
            when coalesce(attempt_number, 0) < 1 then 'attempt_number_missing'
            when event <> 'completed' then null
            when reported_status is null then 'status_missing'
            when reported_status not in ('passed', 'failed', 'completed') then 'status_unknown'
            when is_score_no_number then 'score_not_a_number'
        end as rejected_rule
    from typed
)

select * from judged
