-- One row for each eXeLearning activity and part that any attempt has a score for; part 0 is the whole.
with attempts as (
    select * from {{ ref('int_exelearning_attempts') }}
),

scores as (
    select
        attempts.activity_key,
        attempts.user_key,
        attempts.channel,
        scored.source,
        scored.item_number,
        scored.score_scaled,
        scored.said_scaled,
        scored.is_told_alike
    from {{ ref('int_exelearning_scores') }} as scored
    inner join attempts
        on scored.source = attempts.source
        and scored.exelearning_id = attempts.exelearning_id
        and scored.user_id = attempts.user_id
        and scored.attempt_number = attempts.attempt_number
    where scored.score_scaled is not null
),

activities as (
    select * from {{ ref('int_activities') }}
),

learners as (
    select
        activity_key,
        item_number,
        user_key,
        max(score_scaled) filter (where channel = 'scorm') as best_by_scorm,
        max(score_scaled) filter (where channel = 'xapi') as best_by_xapi
    from scores
    group by activity_key, item_number, user_key
),

in_both as (
    select
        activity_key,
        item_number,
        count(*) as learners,
        count(*) filter (where abs(best_by_scorm - best_by_xapi) <= {{ grade_tolerance() }}) as learners_equal,
        max(abs(best_by_scorm - best_by_xapi)) as greatest_difference
    from learners
    where
        best_by_scorm is not null
        and best_by_xapi is not null
    group by activity_key, item_number
),

by_channel as (
    select
        activity_key,
        item_number,
        source,
        count(*) filter (where channel = 'scorm') as attempts_by_scorm,
        count(*) filter (where channel = 'xapi') as attempts_by_xapi,
        count(*) filter (where channel = 'mobile') as attempts_by_mobile,
        sum(score_scaled) filter (where channel = 'scorm') as total_by_scorm,
        sum(score_scaled) filter (where channel = 'xapi') as total_by_xapi,
        sum(score_scaled) filter (where channel = 'mobile') as total_by_mobile,
        count(said_scaled) as attempts_told_twice,
        count(*) filter (where is_told_alike) as attempts_told_alike,
        max(abs(score_scaled - said_scaled)) as greatest_difference
    from scores
    group by activity_key, item_number, source
),

joined as (
    select
        by_channel.*,
        activities.course_key,
        coalesce(in_both.learners, 0) as learners_in_both,
        coalesce(in_both.learners_equal, 0) as learners_equal,
        in_both.greatest_difference as greatest_difference_of_learners
    from by_channel
    left join in_both
        on by_channel.activity_key = in_both.activity_key
        and by_channel.item_number = in_both.item_number
    left join activities
        on by_channel.activity_key = activities.activity_key
)

select
    {{ joined_key('activity_key', 'item_number') }} as comparison_key,
    source,
    course_key,
    activity_key,
    cast(item_number as integer) as item_number,
    attempts_by_scorm,
    attempts_by_xapi,
    attempts_by_mobile,
    {{ as_fraction('total_by_scorm / nullif(attempts_by_scorm, 0)') }} as mean_by_scorm,
    {{ as_fraction('total_by_xapi / nullif(attempts_by_xapi, 0)') }} as mean_by_xapi,
    {{ as_fraction('total_by_mobile / nullif(attempts_by_mobile, 0)') }} as mean_by_mobile,
    learners_in_both,
    learners_equal,
    {{ as_fraction('greatest_difference_of_learners') }} as greatest_difference_of_learners,
    attempts_told_twice,
    attempts_told_alike,
    {{ as_fraction('greatest_difference') }} as greatest_difference
from joined
