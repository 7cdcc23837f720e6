-- One row for each attempt of an account at an eXeLearning activity and item; item 0 is the whole.
select
    _source as source,
    id as exelearning_attempt_id,
    exelearningid as exelearning_id,
    userid as user_id,
    attempt as attempt_number,
    itemnumber as item_number,
    status,
    sessiontoken_sha256 as page_load,
    rawscore as raw_score,
    maxscore as max_score,
    scaledscore as score_scaled,
    sessiontoken_length > 0 as is_of_a_page_load,
    -- until a later release every row counts
    coalesce(gradable, 1) = 1 as is_gradable,
    {{ epoch_to_utc("timecreated") }} as created_at,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_exelearning_attempt') }}
