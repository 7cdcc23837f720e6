{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['source', 'exelearning_id', 'user_id'], meta={'touched_by': 'int_touched_exelearning_accounts'}
) }}
-- One row for each attempt at an eXeLearning activity: all rows of one account and attempt number.
with scores as (
    select *
    from {{ ref('int_exelearning_scores') }} as scored
    where {{ only_touched('int_touched_exelearning_accounts', {
        'source': 'scored.source',
        'exelearning_id': 'scored.exelearning_id',
        'user_id': 'scored.user_id',
    }) }}
),

log_events as (
    select *
    from {{ ref('int_log_events') }} as logged
    where
        activity_type = 'exelearning'
        and rejected_rule is null
        and {{ only_touched('int_touched_exelearning_accounts', {
            'source': 'logged.source',
            'exelearning_id': 'logged.subject_id',
            'user_id': 'logged.subject_user_id',
        }) }}
),

exelearnings as (
    select * from {{ ref('stg_moodle__exelearning') }}
),

items as (
    select * from {{ ref('stg_moodle__exelearning_grade_item') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

begun as (
    select
        source,
        subject_id as exelearning_id,
        subject_user_id as user_id,
        attempt_number,
        max(occurred_at) as logged_start_at,
        {{ value_at_greatest('origin', 'log_id') }} as origin
    from log_events
    where event = 'started'
    group by source, subject_id, subject_user_id, attempt_number
),

done as (
    select
        begun.source,
        begun.exelearning_id,
        begun.user_id,
        begun.attempt_number,
        min(log_events.occurred_at) as logged_end_at
    from begun
    inner join log_events
        on begun.source = log_events.source
        and begun.exelearning_id = log_events.subject_id
        and begun.user_id = log_events.subject_user_id
        and begun.attempt_number = log_events.attempt_number
        and begun.logged_start_at <= log_events.occurred_at
    where log_events.event = 'completed'
    group by begun.source, begun.exelearning_id, begun.user_id, begun.attempt_number
),

items_now as (
    select
        source,
        exelearning_id,
        count(*) as items_total
    from items
    where not is_deleted
    group by source, exelearning_id
),

attempts as (
    select
        source,
        exelearning_id,
        user_id,
        attempt_number,
        min(exelearning_attempt_id) as exelearning_attempt_id,
        count(*) filter (where item_number > 0) as items_answered,
        count(*) filter (where item_number > 0 and is_item_removed) as items_removed,
        count(*) filter (where item_number > 0 and is_item_changed and not is_item_removed) as items_stale,
        max(raw_score) filter (where item_number = 0) as reported_score,
        max(max_score) filter (where item_number = 0) as max_score,
        max(score_scaled) filter (where item_number = 0) as reported_scaled,
        max(said_scaled) filter (where item_number = 0) as said_scaled,
        max(status) filter (where item_number = 0) as status,
        min(created_at) filter (where item_number = 0) as first_scored_at,
        max(modified_at) filter (where item_number = 0) as scored_at,
        count(*) filter (where item_number = 0) > 0 as has_whole,
        count(score_scaled) filter (where item_number = 0 and is_gradable) > 0 as is_counted,
        bool_or(is_of_statements) as is_of_statements,
        max(verdict) as verdict,
        coalesce(bool_or(is_contradictory), false) as is_contradictory,
        -- a score of the same page load that its statements did not give came the other way; statements after it were not
        -- taken, since grading was off
        coalesce(bool_or(is_of_statements and coalesce(said_at <= modified_at, true) and not is_told_alike), false)
            as is_of_two_channels,
        coalesce(bool_or(item_number = 0 and abs(said_scaled - said_clamped) > {{ grade_tolerance() }}), false) as is_clamped,
        min(created_at) as started_at,
        max(modified_at) as last_activity_at
    from scores
    group by source, exelearning_id, user_id, attempt_number
),

joined as (
    select
        attempts.*,
        exelearnings.course_id,
        accounts.user_key,
        coalesce(items_now.items_total, 0) as items_total,
        {{ moodle_word('exelearning_grade_method', 'exelearnings.grade_method_id') }} as grade_method,
        exelearnings.max_grade as activity_max,
        exelearnings.max_attempts,
        begun.origin,
        coalesce(
            begun.logged_start_at = done.logged_end_at, attempts.first_scored_at = attempts.scored_at
        ) as is_first_commit_last,
        coalesce(
            attempts.reported_scaled not between 0 and 1
            or attempts.reported_score < least(exelearnings.min_grade, 0) - {{ grade_tolerance() }}
            or attempts.reported_score > attempts.max_score + {{ grade_tolerance() }},
            false
        ) as is_out_of_bounds,
        -- an attempt of which only parts came has no status yet
        coalesce(attempts.status in ('passed', 'failed', 'completed'), false) as is_completed
    from attempts
    left join exelearnings
        on attempts.source = exelearnings.source
        and attempts.exelearning_id = exelearnings.exelearning_id
    left join items_now
        on attempts.source = items_now.source
        and attempts.exelearning_id = items_now.exelearning_id
    left join begun
        on attempts.source = begun.source
        and attempts.exelearning_id = begun.exelearning_id
        and attempts.user_id = begun.user_id
        and attempts.attempt_number = begun.attempt_number
    left join done
        on attempts.source = done.source
        and attempts.exelearning_id = done.exelearning_id
        and attempts.user_id = done.user_id
        and attempts.attempt_number = done.attempt_number
    -- a row that names no account stands for nobody
    inner join accounts
        on attempts.source = accounts.source
        and attempts.user_id = accounts.user_id
),

ranked as (
    select
        *,
        row_number() over (partition by source, exelearning_id, user_id order by attempt_number) as from_first,
        row_number() over (partition by source, exelearning_id, user_id order by attempt_number desc) as from_last,
        row_number() over (
            partition by source, exelearning_id, user_id, is_counted
            order by
                case
                    when grade_method = 'highest' then -reported_scaled when grade_method = 'lowest' then reported_scaled
                end,
                case when grade_method = 'last' then -attempt_number else attempt_number end
        ) as from_graded
    from joined
),

keyed as (
    select
        * exclude (from_first, from_last, from_graded, is_first_commit_last),
        from_first = 1 as is_first,
        from_last = 1 as is_last,
        coalesce(is_counted and from_graded = 1 and grade_method <> 'average', false) as is_graded_attempt,
        {{ key('source', "'exelearning'", 'exelearning_attempt_id') }} as attempt_key,
        {{ key('source', "'exelearning'", 'exelearning_id') }} as activity_key,
        {{ key('source', 'nullif(course_id, ' ~ site_course_id() ~ ')') }} as course_key,
        case when origin = 'ws' then 'mobile' when is_of_statements then 'xapi' else 'scorm' end as channel,
        coalesce(max_attempts > 0 and from_first > max_attempts, false) as is_over_cap,
        is_completed and coalesce(is_first_commit_last, false) as is_completed_on_first_commit,
        case when is_completed then 'completed' else 'in_progress' end as state,
        -- the row keeps what came last, and a verdict may have come before a mere "completed"
        case when is_completed then coalesce(verdict, nullif(status, 'completed')) end as outcome,
        case when not is_out_of_bounds then reported_score end as raw_score,
        case when not is_out_of_bounds then {{ as_fraction('reported_scaled') }} end as score_scaled,
        case when not is_out_of_bounds then {{ as_grade('reported_scaled * activity_max') }} end as grade,
        case when is_completed then scored_at end as completed_at,
        case when is_completed then date_diff('second', started_at, scored_at) end as duration_seconds
    from ranked
)

select * from keyed
