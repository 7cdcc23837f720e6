{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['lifecycle_key'], meta={'touched_by': 'int_touched_lifecycles'}
) }}
-- One row for each event of an attempt's life: those that were logged, and those that only the attempt itself tells of.
{% set life = 'source, activity_type, subject_id, subject_user_id, number_in_life' %}
with attempts as (
    select *
    from {{ ref('int_attempts') }} as stored
    where {{ only_touched('int_touched_lifecycles', {
        'source': 'stored.source',
        'activity_type': 'stored.activity_type',
        'subject_id': 'stored.subject_id',
        'subject_user_id': 'stored.subject_user_id',
    }) }}
),

log_events as (
    select *
    from {{ ref('int_log_events') }} as logged
    where
        event <> 'reset'
        and rejected_rule is null
        and {{ only_touched('int_touched_lifecycles', {
            'source': 'logged.source',
            'activity_type': 'logged.activity_type',
            'subject_id': 'logged.subject_id',
            'subject_user_id': 'logged.subject_user_id',
        }) }}
),

resets as (
    select * from {{ ref('int_log_events') }}
    where
        event = 'reset'
        and rejected_rule is null
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

logged as (
    select
        log_events.* exclude (log_events.attempt_number),
        log_events.attempt_number as number_in_life,
        accounts.user_key,
        log_events.event = 'deleted' as is_end
    from log_events
    -- a row that names no account stands for nobody
    inner join accounts
        on log_events.source = accounts.source
        and log_events.user_id = accounts.user_id
),

-- A course's reset ends the lives of all attempts at its packages, at its quizzes, or both.
ends_by_reset as (
    select distinct
        logged.source,
        logged.activity_type,
        logged.subject_id,
        logged.subject_user_id,
        logged.number_in_life,
        resets.log_id,
        resets.occurred_at
    from logged
    inner join resets
        on logged.source = resets.source
        and logged.course_id = resets.course_id
        and case logged.activity_type
            when 'exelearning' then resets.is_reset_of_packages
            when 'quiz' then resets.is_reset_of_quizzes
        end
),

with_ends as (
    select * from logged
    union all by name
    select
        *,
        true as is_end
    from ends_by_reset
),

lived as (
    select
        * exclude (is_end),
        -- a reset ends nothing where nothing was logged since the last end
        is_end and (event is not null or coalesce(not lag(is_end) over (
            partition by {{ life }}
            order by occurred_at, log_id
        ), false)) as is_end
    from with_ends
),

told as (
    select
        *,
        1 + coalesce(sum(cast(is_end as integer)) over (
            partition by {{ life }}
            order by occurred_at, log_id
            rows between unbounded preceding and 1 preceding
        ), 0) as generation,
        1 + sum(cast(is_end as integer)) over (
            partition by {{ life }}
        ) as last_generation,
        bool_or(event = 'previewed') over (
            partition by {{ life }}
        ) as is_of_preview,
        min(log_id) filter (where event is not null) over (
            partition by {{ life }}
        ) as first_log_id,
        max(quiz_id) over (
            partition by {{ life }}
        ) as logged_quiz_id
    from lived
),

published as (
    select
        *,
        count(*) filter (where event = 'reopened') over (
            partition by {{ life }}, generation
            order by occurred_at, log_id
            rows between unbounded preceding and current row
        ) as times_reopened,
        -- ordered like the one before: the rows are sorted once
        min(occurred_at) filter (where event = 'started') over (
            partition by {{ life }}, generation
            order by occurred_at, log_id
            rows between unbounded preceding and unbounded following
        ) as generation_started_at
    from told
    where
        is_published
        and not coalesce(is_of_preview, false)
),

numbered as (
    select
        *,
        row_number() over (
            partition by {{ life }}, generation, event
            order by occurred_at, log_id
        ) as occurrence,
        coalesce(counts_once and times_reopened = lag(times_reopened) over (
            partition by {{ life }}, generation, event
            order by occurred_at, log_id
        ), false) as is_repeated
    from published
),

from_log as (
    select
        numbered.source,
        numbered.activity_type,
        numbered.subject_id,
        numbered.subject_user_id,
        coalesce(attempts.attempt_number, numbered.number_in_life) as attempt_number,
        coalesce(
            attempts.attempt_key,
            case
                when numbered.activity_type = 'quiz' then {{ key('numbered.source', "'quiz'", 'numbered.subject_id') }}
                -- its own id is gone with it
                else {{ key('numbered.source', 'numbered.activity_type', "'log-' || numbered.first_log_id") }}
            end
        ) as attempt_key,
        coalesce(
            attempts.activity_key,
            case
                when numbered.activity_type = 'quiz' then {{ key('numbered.source', "'quiz'", 'numbered.logged_quiz_id') }}
                else {{ key('numbered.source', 'numbered.activity_type', 'numbered.subject_id') }}
            end
        ) as activity_key,
        coalesce(
            attempts.course_key, {{ key('numbered.source', 'nullif(numbered.course_id, ' ~ site_course_id() ~ ')') }}
        ) as course_key,
        coalesce(attempts.user_key, numbered.user_key) as user_key,
        numbered.event,
        numbered.generation,
        numbered.occurrence,
        numbered.occurred_at,
        case
            when numbered.origin = 'ws' then 'mobile'
            when numbered.generation = numbered.last_generation then attempts.channel
        end as channel,
        case
            when coalesce(numbered.actor_id, 0) <= 0 then 'system'
            when numbered.actor_id = numbered.user_id then 'learner'
            -- cron acts in the administrator's name
            when numbered.origin = 'cli' then 'system'
            else 'other'
        end as done_by,
        numbered.origin,
        numbered.operation,
        numbered.education_level,
        numbered.reported_score,
        numbered.reported_status,
        'log' as source_of_event,
        numbered.log_id,
        numbered.course_module_id,
        numbered.is_repeated,
        coalesce(numbered.event = 'completed' and numbered.occurred_at < numbered.generation_started_at, false)
            as is_before_start,
        numbered.generation = numbered.last_generation as is_of_last_generation,
        numbered.generation = numbered.last_generation and attempts.attempt_key is not null as is_attempt_present,
        attempts.started_at as attempt_started_at,
        attempts.final_status,
        attempts.final_score
    from numbered
    left join attempts
        on {{ same_life('numbered', 'attempts') }}
    where not coalesce(attempts.is_preview, false)
),

lives as (
    select
        {{ life }},
        max(last_generation) as generation
    from told
    group by {{ life }}
),

derived as (
    select distinct event
    from {{ ref('lifecycle_events') }}
    where event in ('started', 'submitted', 'completed', 'abandoned')
),

moments as (
    select
        attempts.*,
        derived.event,
        case derived.event
            when 'started' then attempts.started_at
            -- a package is handed in by being completed
            when 'submitted' then case when attempts.activity_type = 'quiz' then attempts.submitted_at end
            when 'completed' then attempts.completed_at
            when 'abandoned' then attempts.abandoned_at
        end as occurred_at
    from attempts
    cross join derived
    where not attempts.is_preview
),

from_attempts as (
    select
        moments.source,
        moments.activity_type,
        moments.subject_id,
        moments.subject_user_id,
        moments.attempt_number,
        moments.attempt_key,
        moments.activity_key,
        moments.course_key,
        moments.user_key,
        moments.event,
        coalesce(lives.generation, 1) as generation,
        1 as occurrence,
        moments.occurred_at,
        moments.channel,
        'attempt' as source_of_event,
        false as is_repeated,
        false as is_before_start,
        true as is_of_last_generation,
        true as is_attempt_present,
        moments.started_at as attempt_started_at,
        moments.final_status,
        moments.final_score
    from moments
    left join lives
        on {{ same_life('moments', 'lives') }}
    where
        moments.occurred_at is not null
        and not exists (
            select 1
            from numbered
            where
                {{ same_life('numbered', 'moments') }}
                and numbered.generation = numbered.last_generation
                and numbered.event = moments.event
        )
),

united as (
    select * from from_log
    union all by name
    select * from from_attempts
),

keyed as (
    select
        *,
        {{ lifecycle_key('united', 'united.user_key') }} as lifecycle_key,
        {{ joined_key('attempt_key', 'event', 'generation', 'occurrence') }} as event_key,
        -- the log told that it was done, and its row says that it is not
        coalesce(
            activity_type = 'exelearning' and event = 'completed' and source_of_event = 'log' and occurrence = 1
            and is_attempt_present and coalesce(final_status, '') not in ('passed', 'failed', 'completed'),
            false
        ) as is_taken_back,
        case when is_attempt_present then reported_status = coalesce(final_status, '') end as is_status_final,
        case
            when is_attempt_present and reported_score is not null
                then coalesce(abs(reported_score - final_score) <= {{ grade_tolerance() }}, false)
        end as is_score_final
    from united
)

select * from keyed
