{{ config(materialized='table') }}
-- One row for each activity and account of which some attempt moved, or what attempts give moved.
with quiz_accounts as (
    select * from {{ ref('int_touched_quiz_accounts') }}
),

exelearning_accounts as (
    select * from {{ ref('int_touched_exelearning_accounts') }}
),

scorm_accounts as (
    select * from {{ ref('int_touched_scorm_accounts') }}
),

user_keys as (
    select * from {{ ref('int_user_keys_then_and_now') }}
),

touched as (
    select
        source,
        'quiz' as activity_type,
        quiz_id as activity_id,
        user_id
    from quiz_accounts
    union
    select
        source,
        'exelearning' as activity_type,
        exelearning_id as activity_id,
        user_id
    from exelearning_accounts
    union
    select
        source,
        'scorm' as activity_type,
        scorm_id as activity_id,
        user_id
    from scorm_accounts
),

keyed as (
    select
        touched.*,
        {{ key('touched.source', 'touched.activity_type', 'touched.activity_id') }} as activity_key,
        user_keys.user_key
    from touched
    -- a row that names no account stands for nobody
    inner join user_keys
        on touched.source = user_keys.source
        and touched.user_id = user_keys.user_id
)

select * from keyed
