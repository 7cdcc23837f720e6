-- One row for each account, SCORM activity and attempt number of which Moodle's tables, old or new, have anything.
with attempts as (
    select * from {{ ref('stg_moodle__scorm_attempt') }}
),

tracks as (
    select * from {{ ref('stg_moodle__scorm_scoes_track') }}
),

tracked as (
    select
        source,
        scorm_id,
        user_id,
        attempt_number,
        min(scorm_track_id) as first_track_id
    from tracks
    group by source, scorm_id, user_id, attempt_number
),

united as (
    select
        source,
        scorm_id,
        user_id,
        attempt_number,
        scorm_attempt_id,
        cast(scorm_attempt_id as varchar) as attempt_id
    from attempts
    union all
    select
        tracked.source,
        tracked.scorm_id,
        tracked.user_id,
        tracked.attempt_number,
        null as scorm_attempt_id,
        -- until 4.2 an attempt has no id of its own
        't' || cast(tracked.first_track_id as varchar) as attempt_id
    from tracked
    left join attempts
        on tracked.source = attempts.source
        and tracked.scorm_id = attempts.scorm_id
        and tracked.user_id = attempts.user_id
        and tracked.attempt_number = attempts.attempt_number
    where attempts.scorm_attempt_id is null
)

select * from united
-- nothing in Moodle's database keeps a second row out; the one made first stands
qualify row_number() over (
    partition by source, scorm_id, user_id, attempt_number order by scorm_attempt_id, attempt_id
) = 1
