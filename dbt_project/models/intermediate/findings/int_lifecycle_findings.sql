-- One row for each finding about the order and number of the events in an attempt's life; columns as in int_findings.
with attempt_events as (
    select * from {{ ref('int_attempt_events') }}
),

log_spans as (
    select * from {{ ref('int_log_spans') }}
),

course_modules as (
    select * from {{ ref('stg_moodle__course_modules') }}
),

repeated as (
    select
        *,
        count(*) over (partition by source, attempt_key, generation) > {{ repeats_of_a_flood() }} as is_of_flood
    from attempt_events
    where is_repeated
),

repeated_events as (
    select
        {{ finding('repeated_event', 'event', "'event/' || event_key", {
            'event': 'event',
            'generation': 'generation',
            'occurrence': 'occurrence',
            'reported_score': 'reported_score',
            'reported_status': 'reported_status',
            'log_id': 'log_id',
        }, 'occurred_at') }}
    from repeated
    where not is_of_flood
),

-- What was logged of an attempt that is not there, though neither it nor its activity was deleted as far as the log tells.
vanished as (
    select
        attempt_events.source,
        attempt_events.attempt_key,
        attempt_events.generation,
        min(attempt_events.course_key) as course_key,
        min(attempt_events.activity_key) as activity_key,
        min(attempt_events.user_key) as user_key,
        min(attempt_events.attempt_number) as attempt_number,
        string_agg(distinct attempt_events.event, ', ' order by attempt_events.event) as events,
        max(attempt_events.occurred_at) as occurred_at
    from attempt_events
    inner join log_spans
        on attempt_events.source = log_spans.source
        and attempt_events.activity_type = log_spans.activity_type
    inner join course_modules
        on attempt_events.source = course_modules.source
        and attempt_events.course_module_id = course_modules.course_module_id
    where
        attempt_events.is_of_last_generation
        and not attempt_events.is_attempt_present
        -- a log that ended long ago cannot tell of a deletion
        and not log_spans.is_silent
    group by attempt_events.source, attempt_events.attempt_key, attempt_events.generation
),

events_without_attempt as (
    select
        {{ finding('event_without_attempt', 'event', "'attempt/' || attempt_key || '/' || cast(generation as varchar)", {
            'events': 'events',
            'generation': 'generation',
            'attempt_number': 'attempt_number',
        }, 'occurred_at') }}
    from vanished
),

attempts_without_event as (
    select
        {{ finding('attempt_without_event', 'attempt', "'event/' || attempt_events.event_key", {
            'missing_event': 'attempt_events.event',
            'generation': 'attempt_events.generation',
            'logged_since': 'log_spans.begins_at',
        }, 'attempt_events.occurred_at', of='attempt_events') }}
    from attempt_events
    inner join log_spans
        on attempt_events.source = log_spans.source
        and attempt_events.activity_type = log_spans.activity_type
    where
        attempt_events.source_of_event = 'attempt'
        and (attempt_events.activity_type, attempt_events.event) in (
            ('quiz', 'started'), ('quiz', 'submitted'), ('exelearning', 'started'), ('exelearning', 'completed')
        )
        and attempt_events.attempt_started_at >= log_spans.begins_at
        and attempt_events.occurred_at <= log_spans.ends_at
),

completed_before_started as (
    select
        {{ finding('completed_before_started', 'event', "'event/' || event_key", {
            'generation': 'generation',
            'reported_status': 'reported_status',
            'log_id': 'log_id',
        }, 'occurred_at') }}
    from attempt_events
    where
        is_before_start
        and not is_repeated
),

taken_back as (
    select
        {{ finding('terminal_regressed', 'attempt', "'attempt/' || attempt_key", {
            'reported_status': 'reported_status',
            'status_now': 'final_status',
            'log_id': 'log_id',
        }, 'occurred_at') }}
    from attempt_events
    where is_taken_back
),

-- One finding in place of many.
floods as (
    select
        source,
        attempt_key,
        generation,
        min(course_key) as course_key,
        min(activity_key) as activity_key,
        min(user_key) as user_key,
        count(*) as events,
        string_agg(distinct event, ', ' order by event) as repeated,
        max(occurred_at) as occurred_at
    from repeated
    where is_of_flood
    group by source, attempt_key, generation
),

event_floods as (
    select
        {{ finding('event_flood', 'attempt', "'attempt/' || attempt_key || '/' || cast(generation as varchar)", {
            'events': 'events',
            'generation': 'generation',
            'repeated': 'repeated',
        }, 'occurred_at') }}
    from floods
),

findings as (
    select * from repeated_events
    union all
    select * from events_without_attempt
    union all
    select * from attempts_without_event
    union all
    select * from completed_before_started
    union all
    select * from taken_back
    union all
    select * from event_floods
)

select * from findings
