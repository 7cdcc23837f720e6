-- One row for each finding about attempts at packages, eXeLearning and SCORM; columns as in int_findings.
with exelearning_attempts as (
    select * from {{ ref('int_exelearning_attempts') }}
),

scorm_attempts as (
    select * from {{ ref('int_scorm_attempts') }}
),

packages_out_of_bounds as (
    select
        {{ finding('score_out_of_bounds', 'attempt', "'attempt/' || attempt_key", {
            'score': 'reported_score',
            'greatest': 'max_score',
            'scaled': 'reported_scaled',
            'status': 'status',
        }, 'scored_at') }}
    from exelearning_attempts
    where is_out_of_bounds
),

-- How many attempts at the activity the package gave a verdict on since then, this one included.
judged as (
    select
        *,
        sum(cast(has_whole as integer)) over (
            partition by source, exelearning_id
            order by exelearning_attempt_id desc
            rows between unbounded preceding and current row
        ) as verdicts_since
    from exelearning_attempts
),

activities as (
    select
        source,
        exelearning_id,
        max(verdicts_since) as verdicts,
        count(*) filter (where verdicts_since = 0) as newest_without_verdict
    from judged
    group by source, exelearning_id
),

-- Packages of a later generation never give a verdict, so a long row of attempts without one up to now is no loss.
lost as (
    select judged.*
    from judged
    inner join activities
        on judged.source = activities.source
        and judged.exelearning_id = activities.exelearning_id
    where
        not judged.has_whole
        and judged.items_answered > 0
        and activities.verdicts > 0
        and (judged.verdicts_since > 0 or activities.newest_without_verdict < {{ attempts_of_a_new_emitter() }})
),

lost_terminals as (
    select
        {{ finding('lost_terminal', 'attempt', "'attempt/' || attempt_key", {
            'parts_scored': 'items_answered',
            'channel': 'channel',
            'attempt_number': 'attempt_number',
        }, 'last_activity_at') }}
    from lost
),

contradictory_verdicts as (
    select
        {{ finding('contradictory_verdict', 'attempt', "'attempt/' || attempt_key", {
            'last_verdict': 'verdict',
            'status': 'status',
            'score': 'reported_score',
            'greatest': 'max_score',
        }, 'scored_at') }}
    from exelearning_attempts
    where is_contradictory
),

double_channels as (
    select
        {{ finding('double_channel', 'attempt', "'attempt/' || attempt_key", {
            'scaled': 'reported_scaled',
            'scaled_by_statements': 'said_scaled',
            'parts_scored': 'items_answered',
        }, 'last_activity_at') }}
    from exelearning_attempts
    where is_of_two_channels
),

attempts as (
    select
        source,
        course_key,
        activity_key,
        attempt_key,
        user_key,
        attempt_number,
        max_attempts,
        started_at,
        is_over_cap
    from exelearning_attempts
    union all
    select
        source,
        course_key,
        activity_key,
        attempt_key,
        user_key,
        attempt_number,
        max_attempts,
        started_at,
        is_over_cap
    from scorm_attempts
),

over_cap as (
    select
        {{ finding('over_cap', 'attempt', "'attempt/' || attempt_key", {
            'attempt_number': 'attempt_number',
            'max_attempts': 'max_attempts',
        }, 'started_at') }}
    from attempts
    where is_over_cap
),

findings as (
    select * from packages_out_of_bounds
    union all
    select * from lost_terminals
    union all
    select * from contradictory_verdicts
    union all
    select * from double_channels
    union all
    select * from over_cap
)

select * from findings
