{{ config(materialized='table') }}
-- One row for each activity and account whose grades must be put together again.
with activity_accounts as (
    select * from {{ ref('int_touched_activity_accounts') }}
),

gradebook_rows as (
    select * from {{ ref('int_touched_gradebook') }}
),

computed_grades as (
    select * from {{ ref('int_computed_grades') }}
),

gradebook as (
    select * from {{ ref('int_gradebook') }}
),

grade_items as (
    select * from {{ ref('stg_moodle__grade_items') }}
),

enrolments as (
    select * from {{ ref('stg_moodle__user_enrolments') }}
),

user_keys as (
    select * from {{ ref('int_user_keys_then_and_now') }}
),

touched_items as (
    select * from {{ ref('stg_touched__grade_items') }}
),

touched_quizzes as (
    select * from {{ ref('stg_touched__quiz') }}
),

touched_exelearnings as (
    select * from {{ ref('stg_touched__exelearning') }}
),

touched_scorms as (
    select * from {{ ref('stg_touched__scorm') }}
),

touched_users as (
    select * from {{ ref('stg_touched__user') }}
),

touched_enrolments as (
    select * from {{ ref('stg_touched__user_enrolments') }}
),

touched_methods as (
    select * from {{ ref('stg_touched__enrol') }}
),

-- What an item graded before it moved, and what it grades now.
items as (
    select
        source,
        grade_item_id,
        item_module as activity_type,
        item_instance_id as activity_id
    from grade_items
    where item_type = 'mod'
    union
    select
        source,
        grade_item_id,
        item_module as activity_type,
        item_instance_id as activity_id
    from touched_items
    where item_type = 'mod'
),

activities as (
    select
        source,
        item_module as activity_type,
        item_instance_id as activity_id
    from touched_items
    where item_type = 'mod'
    union
    select
        source,
        'quiz' as activity_type,
        quiz_id as activity_id
    from touched_quizzes
    union
    select
        source,
        'exelearning' as activity_type,
        exelearning_id as activity_id
    from touched_exelearnings
    union
    select
        source,
        'scorm' as activity_type,
        scorm_id as activity_id
    from touched_scorms
),

-- Whether an account is deleted, and since when it is enrolled, gives the reason of a difference.
accounts as (
    select
        source,
        user_id
    from touched_users
    union
    select
        source,
        user_id
    from touched_enrolments
    union
    select
        enrolments.source,
        enrolments.user_id
    from enrolments
    inner join touched_methods
        on enrolments.source = touched_methods.source
        and enrolments.enrolment_method_id = touched_methods.enrolment_method_id
),

touched as (
    select
        source,
        activity_type,
        activity_id,
        user_id
    from activity_accounts
    union
    select
        gradebook_rows.source,
        items.activity_type,
        items.activity_id,
        gradebook_rows.user_id
    from gradebook_rows
    inner join items
        on gradebook_rows.source = items.source
        and gradebook_rows.grade_item_id = items.grade_item_id
    union
    select
        gradebook.source,
        gradebook.activity_type,
        gradebook.activity_id,
        gradebook.user_id
    from gradebook
    inner join activities
        on gradebook.source = activities.source
        and gradebook.activity_type = activities.activity_type
        and gradebook.activity_id = activities.activity_id
    union
    select
        gradebook.source,
        gradebook.activity_type,
        gradebook.activity_id,
        gradebook.user_id
    from gradebook
    inner join accounts
        on gradebook.source = accounts.source
        and gradebook.user_id = accounts.user_id
    where gradebook.activity_id is not null
    union
    select
        computed_grades.source,
        computed_grades.activity_type,
        computed_grades.activity_id,
        computed_grades.user_id
    from computed_grades
    inner join accounts
        on computed_grades.source = accounts.source
        and computed_grades.user_id = accounts.user_id
),

keyed as (
    select
        touched.source,
        touched.activity_type,
        touched.activity_id,
        touched.user_id,
        {{ key('touched.source', 'touched.activity_type', 'touched.activity_id') }} as activity_key,
        user_keys.user_key
    from touched
    -- a row that names no account has no grade here
    inner join user_keys
        on touched.source = user_keys.source
        and touched.user_id = user_keys.user_id
)

select * from keyed
