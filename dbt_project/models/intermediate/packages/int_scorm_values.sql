-- One row for each value that a SCO reported in an attempt, out of Moodle's old table or its new ones.
with attempts as (
    select * from {{ ref('int_scorm_attempt_rows') }}
),

reported as (
    select * from {{ ref('stg_moodle__scorm_scoes_value') }}
),

elements as (
    select * from {{ ref('stg_moodle__scorm_element') }}
),

tracks as (
    select * from {{ ref('stg_moodle__scorm_scoes_track') }}
),

united as (
    select
        attempts.source,
        attempts.scorm_id,
        attempts.user_id,
        attempts.attempt_number,
        reported.sco_id,
        elements.element,
        reported.value,
        reported.scorm_value_id as value_id,
        reported.modified_at
    from attempts
    inner join reported
        on attempts.source = reported.source
        and attempts.scorm_attempt_id = reported.scorm_attempt_id
    inner join elements
        on reported.source = elements.source
        and reported.scorm_element_id = elements.scorm_element_id
    union all
    select
        attempts.source,
        attempts.scorm_id,
        attempts.user_id,
        attempts.attempt_number,
        tracks.sco_id,
        tracks.element,
        tracks.value,
        tracks.scorm_track_id as value_id,
        tracks.modified_at
    from attempts
    inner join tracks
        on attempts.source = tracks.source
        and attempts.scorm_id = tracks.scorm_id
        and attempts.user_id = tracks.user_id
        and attempts.attempt_number = tracks.attempt_number
    -- the upgrade moves what the old table has
    where attempts.scorm_attempt_id is null
)

select * from united
