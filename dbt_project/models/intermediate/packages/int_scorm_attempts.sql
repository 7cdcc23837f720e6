{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['source', 'scorm_id', 'user_id'], meta={'touched_by': 'int_touched_scorm_accounts'}
) }}
-- One row for each attempt at a SCORM activity.
with attempts as (
    select *
    from {{ ref('int_scorm_attempt_rows') }} as moodle
    where {{ only_touched('int_touched_scorm_accounts', {
        'source': 'moodle.source',
        'scorm_id': 'moodle.scorm_id',
        'user_id': 'moodle.user_id',
    }) }}
),

reported as (
    select *
    from {{ ref('int_scorm_values') }} as moodle
    where {{ only_touched('int_touched_scorm_accounts', {
        'source': 'moodle.source',
        'scorm_id': 'moodle.scorm_id',
        'user_id': 'moodle.user_id',
    }) }}
),

scorms as (
    select
        *,
        {{ moodle_word('scorm_attempt_grading', 'grade_method_id') }} as attempt_grading,
        {{ moodle_word('scorm_attempts_grading', 'attempts_grading_id') }} as grade_method
    from {{ ref('stg_moodle__scorm') }}
),

scoes as (
    select * from {{ ref('stg_moodle__scorm_scoes') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

read_values as (
    select
        reported.source,
        reported.scorm_id,
        reported.user_id,
        reported.attempt_number,
        reported.sco_id,
        reported.value_id,
        reported.element,
        reported.value,
        reported.modified_at,
        reported.value in ('completed', 'passed') as is_word_of_completion,
        reported.element = case
            when {{ is_scorm_2004('scorms.version') }} then 'cmi.score.raw'
            when scorms.attempt_grading = 'scoes' then 'cmi.core.lesson_status'
            else 'cmi.core.score.raw'
        end as is_graded_element,
        case when reported.element in ('cmi.core.lesson_status', 'cmi.completion_status') then reported.value end as status,
        case when reported.element = 'cmi.success_status' then reported.value end as success_status,
        case when reported.element in ('cmi.core.score.raw', 'cmi.score.raw') then {{ scorm_score('reported.value') }} end
            as score,
        case
            when reported.element in ('cmi.core.total_time', 'cmi.total_time') then {{ scorm_seconds('reported.value') }}
        end as seconds,
        -- an instant of this millennium, or the package wrote something else
        case
            when reported.element = 'x.start.time' and try_cast(reported.value as bigint) between 1 and 32503680000
                then to_timestamp(try_cast(reported.value as bigint))
        end as started_at
    from reported
    left join scorms
        on reported.source = scorms.source
        and reported.scorm_id = scorms.scorm_id
),

-- Of what a part reported under two names, Moodle takes the one that comes later in the alphabet.
parts as (
    select
        source,
        scorm_id,
        user_id,
        attempt_number,
        sco_id,
        max_by(status, element || '/' || lpad(cast(value_id as varchar), 20, '0')) as status,
        max(success_status) as success_status,
        coalesce(max_by(score, element || '/' || lpad(cast(value_id as varchar), 20, '0')), 0) as score,
        max(seconds) as seconds,
        min(started_at) as started_at,
        min(modified_at) as first_at,
        max(modified_at) as last_at,
        bool_or(is_word_of_completion) as has_word_of_completion,
        bool_or(is_graded_element) as has_graded_element
    from read_values
    group by source, scorm_id, user_id, attempt_number, sco_id
),

judged_parts as (
    select
        parts.*,
        scoes.sco_id is not null as is_of_the_package,
        coalesce(parts.status in ('completed', 'passed', 'failed'), false) as is_finished,
        parts.status = 'passed' or parts.success_status = 'passed' as is_passed,
        parts.status = 'failed' or parts.success_status = 'failed' as is_failed
    from parts
    left join scoes
        on parts.source = scoes.source
        and parts.scorm_id = scoes.scorm_id
        and parts.sco_id = scoes.sco_id
),

totals as (
    select
        source,
        scorm_id,
        user_id,
        attempt_number,
        count(*) filter (where is_of_the_package and is_finished) as items_answered,
        count(*) filter (where is_of_the_package and status in ('completed', 'passed')) as scoes_completed,
        -- a score of zero is no score to Moodle
        count(*) filter (where is_of_the_package and score <> 0) as scores,
        greatest(max(score) filter (where is_of_the_package), 0) as highest_score,
        coalesce(sum(score) filter (where is_of_the_package), 0) as total_score,
        coalesce(bool_or(is_passed), false) as is_passed,
        coalesce(bool_or(is_failed), false) as is_failed,
        bool_or(has_word_of_completion) as has_word_of_completion,
        bool_or(has_graded_element) as has_graded_element,
        sum(seconds) as duration_seconds,
        min(coalesce(started_at, first_at)) as started_at,
        max(last_at) as last_activity_at
    from judged_parts
    group by source, scorm_id, user_id, attempt_number
),

packages as (
    select
        source,
        scorm_id,
        count(*) as parts,
        count(*) filter (where is_launchable) as items_total
    from scoes
    group by source, scorm_id
),

joined as (
    select
        attempts.source,
        attempts.scorm_id,
        attempts.user_id,
        attempts.attempt_number,
        attempts.attempt_id,
        accounts.user_key,
        scorms.course_id,
        scorms.attempt_grading,
        scorms.grade_method,
        scorms.max_attempts,
        case
            when scorms.attempt_grading <> 'scoes' then {{ as_grade('scorms.max_grade') }}
            else {{ as_grade('packages.items_total') }}
        end as max_score,
        coalesce(packages.items_total, 0) as items_total,
        coalesce(totals.items_answered, 0) as items_answered,
        coalesce(totals.has_word_of_completion, false) as has_word_of_completion,
        coalesce(totals.has_graded_element, false) as has_graded_element,
        totals.is_passed,
        totals.is_failed,
        case
            -- of a package without parts Moodle makes no grade
            when packages.parts is null then null
            when scorms.attempt_grading = 'scoes' then {{ as_grade('coalesce(totals.scoes_completed, 0)') }}
            when scorms.attempt_grading = 'average'
                then coalesce({{ as_grade('totals.total_score / nullif(totals.scores, 0)') }}, 0)
            when scorms.attempt_grading = 'sum' then {{ as_grade('coalesce(totals.total_score, 0)') }}
            else {{ as_grade('coalesce(totals.highest_score, 0)') }}
        end as score,
        totals.duration_seconds,
        totals.started_at,
        totals.last_activity_at
    from attempts
    left join scorms
        on attempts.source = scorms.source
        and attempts.scorm_id = scorms.scorm_id
    left join packages
        on attempts.source = packages.source
        and attempts.scorm_id = packages.scorm_id
    left join totals
        on attempts.source = totals.source
        and attempts.scorm_id = totals.scorm_id
        and attempts.user_id = totals.user_id
        and attempts.attempt_number = totals.attempt_number
    -- a row that names no account stands for nobody
    inner join accounts
        on attempts.source = accounts.source
        and attempts.user_id = accounts.user_id
),

ranked as (
    select
        *,
        items_answered >= greatest(items_total, 1) as is_completed,
        -- beyond the limit attempts count for an average only
        coalesce(
            grade_method <> 'highest' or coalesce(max_attempts, 0) = 0 or attempt_number <= max_attempts, true
        ) as is_counted,
        coalesce(
            max_attempts > 0
            and row_number() over (partition by source, scorm_id, user_id order by attempt_number) > max_attempts,
            false
        ) as is_over_cap,
        min(attempt_number) over (partition by source, scorm_id, user_id) as first_number,
        max(attempt_number) over (partition by source, scorm_id, user_id) as last_number,
        -- without an attempt that says it was completed, Moodle looks at the first
        coalesce(
            max(attempt_number) filter (where has_word_of_completion) over (partition by source, scorm_id, user_id), 1
        ) as last_completed_number
    from joined
),

chosen as (
    select
        *,
        row_number() over (
            partition by source, scorm_id, user_id, is_counted order by score desc nulls last, attempt_number asc
        ) as from_highest
    from ranked
),

keyed as (
    select
        * exclude (from_highest, first_number, last_number),
        attempt_number = first_number as is_first,
        attempt_number = last_number as is_last,
        coalesce(
            case grade_method
                when 'highest' then is_counted and from_highest = 1
                when 'first' then attempt_number = first_number
                when 'last' then attempt_number = last_completed_number
                else false
            end,
            false
        ) as is_graded_attempt,
        {{ key('source', "'scorm'", 'attempt_id') }} as attempt_key,
        {{ key('source', "'scorm'", 'scorm_id') }} as activity_key,
        {{ key('source', 'nullif(course_id, ' ~ site_course_id() ~ ')') }} as course_key,
        case when is_completed then 'completed' else 'in_progress' end as state,
        case when is_completed and is_failed then 'failed' when is_completed and is_passed then 'passed' end as outcome,
        case when max_score > 0 then {{ as_fraction('score / max_score') }} end as score_scaled,
        case when is_completed then last_activity_at end as completed_at
    from chosen
)

select * from keyed
