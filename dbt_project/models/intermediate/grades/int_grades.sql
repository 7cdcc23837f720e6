{{ config(
    materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
    unique_key=['source', 'activity_type', 'activity_id', 'user_id'], meta={'touched_by': 'int_touched_grades'}
) }}
-- One row for each account, activity and item number with a gradebook row, a stored quiz grade, or attempts that give one.
with computed_grades as (
    select *
    from {{ ref('int_computed_grades') }} as computed
    where {{ only_touched('int_touched_grades', {
        'source': 'computed.source',
        'activity_type': 'computed.activity_type',
        'activity_id': 'computed.activity_id',
        'user_id': 'computed.user_id',
    }) }}
),

gradebook as (
    select *
    from {{ ref('int_gradebook') }} as gradebook_rows
    where {{ only_touched('int_touched_grades', {
        'source': 'gradebook_rows.source',
        'activity_type': 'gradebook_rows.activity_type',
        'activity_id': 'gradebook_rows.activity_id',
        'user_id': 'gradebook_rows.user_id',
    }) }}
),

grade_items as (
    select * from {{ ref('int_activity_grade_items') }}
),

quizzes as (
    select
        *,
        'quiz' as activity_type
    from {{ ref('int_quizzes') }}
),

exelearnings as (
    select * from {{ ref('stg_moodle__exelearning') }}
),

scorms as (
    select * from {{ ref('stg_moodle__scorm') }}
),

enrolments as (
    select * from {{ ref('int_enrolments') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

sources as (
    select * from {{ ref('stg_landing__sources') }}
),

sent_grades as (
    select
        * exclude (course_id, pass_grade, user_key, course_key, activity_key, grade),
        grade as published_grade
    from gradebook
    where activity_id is not null
),

activity_grades as (
    select sent_grades.*
    from sent_grades
    inner join grade_items
        on sent_grades.source = grade_items.source
        and sent_grades.grade_item_id = grade_items.grade_item_id
),

activity_settings as (
    select
        source,
        activity_type,
        quiz_id as activity_id,
        course_id,
        grade_method,
        quiz_grade as max_grade
    from quizzes
    union all
    select
        source,
        'exelearning' as activity_type,
        exelearning_id as activity_id,
        course_id,
        {{ moodle_word('exelearning_grade_method', 'grade_method_id') }} as grade_method,
        max_grade
    from exelearnings
    union all
    select
        source,
        'scorm' as activity_type,
        scorm_id as activity_id,
        course_id,
        {{ moodle_word('scorm_attempts_grading', 'attempts_grading_id') }} as grade_method,
        null as max_grade
    from scorms
),

enrolled as (
    select
        source,
        course_id,
        user_id,
        min(created_at) as enrolled_at
    from enrolments
    group by source, course_id, user_id
),

paired as (
    select
        coalesce(computed_grades.source, activity_grades.source) as source,
        coalesce(computed_grades.activity_type, activity_grades.activity_type) as activity_type,
        coalesce(computed_grades.activity_id, activity_grades.activity_id) as activity_id,
        coalesce(computed_grades.item_number, activity_grades.item_number) as item_number,
        coalesce(computed_grades.user_id, activity_grades.user_id) as user_id,
        activity_grades.grade_id is not null as is_in_gradebook,
        -- a quiz shows the grade it stores; of other modules the gradebook keeps what they sent
        case
            when computed_grades.activity_type = 'quiz' then computed_grades.stored_grade
            when activity_grades.activity_type = 'quiz' and activity_grades.item_number = 0 then null
            else activity_grades.raw_grade
        end as grade,
        computed_grades.computed_grade,
        computed_grades.computed_scaled,
        computed_grades.grade_of_completed,
        computed_grades.deciding_state,
        computed_grades.attempts_counted,
        computed_grades.rows_stored,
        computed_grades.least_stored,
        computed_grades.greatest_stored,
        computed_grades.is_decided_out_of_bounds,
        computed_grades.feedback_band,
        computed_grades.stored_at,
        computed_grades.submitted_at as attempts_submitted_at,
        activity_grades.* exclude (source, activity_type, activity_id, item_number, user_id)
    from computed_grades
    full join activity_grades
        on computed_grades.source = activity_grades.source
        and computed_grades.activity_type = activity_grades.activity_type
        and computed_grades.activity_id = activity_grades.activity_id
        and computed_grades.item_number = activity_grades.item_number
        and computed_grades.user_id = activity_grades.user_id
    where
        activity_grades.grade_id is not null
        or computed_grades.stored_grade is not null
        or computed_grades.computed_grade is not null
),

joined as (
    select
        paired.* exclude (grade_item_key),
        coalesce(paired.grade_item_key, {{ key('grade_items.source', 'grade_items.grade_item_id') }}) as grade_item_key,
        grade_items.grade_item_id as activity_grade_item_id,
        coalesce(grade_items.course_id, activity_settings.course_id) as course_id,
        activity_settings.grade_method,
        paired.activity_type = 'quiz' and quizzes.quiz_id is null as is_quiz_gone,
        grade_items.grade_type as item_grade_type,
        grade_items.min_grade as activity_min,
        coalesce(grade_items.max_grade, activity_settings.max_grade) as activity_max,
        quizzes.quiz_grade,
        grade_items.pass_grade,
        grade_items.locked_at is not null as is_activity_locked,
        grade_items.is_hidden as is_activity_hidden,
        accounts.user_key,
        sources.site_url,
        coalesce(accounts.is_deleted, true) as is_account_deleted,
        enrolled.enrolled_at
    from paired
    left join grade_items
        on paired.source = grade_items.source
        and paired.activity_type = grade_items.activity_type
        and paired.activity_id = grade_items.activity_id
        and paired.item_number = grade_items.item_number
    left join quizzes
        on paired.source = quizzes.source
        and paired.activity_type = quizzes.activity_type
        and paired.activity_id = quizzes.quiz_id
    left join activity_settings
        on paired.source = activity_settings.source
        and paired.activity_type = activity_settings.activity_type
        and paired.activity_id = activity_settings.activity_id
    inner join accounts
        on paired.source = accounts.source
        and paired.user_id = accounts.user_id
    left join sources
        on paired.source = sources.source
    left join enrolled
        on paired.source = enrolled.source
        and coalesce(grade_items.course_id, activity_settings.course_id) = enrolled.course_id
        and paired.user_id = enrolled.user_id
),

compared as (
    select
        *,
        case when {{ is_recomputed() }} then {{ compared('grade', 'computed_grade') }} end as parity,
        {{ compared('final_grade', 'grade') }} as gradebook_parity
    from joined
),

judged as (
    select
        *,
        {{ parity_reason() }} as parity_reason,
        {{ gradebook_reason() }} as gradebook_reason
    from compared
),

keyed as (
    select
        * replace (
            coalesce(min_grade, activity_min, 0) as min_grade,
            coalesce(max_grade, activity_max) as max_grade,
            coalesce(is_overridden, false) as is_overridden,
            coalesce(is_hidden, is_activity_hidden, false) as is_hidden,
            coalesce(is_excluded, false) as is_excluded,
            coalesce(is_locked, is_activity_locked, false) as is_locked,
            coalesce(is_withheld, false) as is_withheld,
            coalesce(graded_at, stored_at) as graded_at,
            coalesce(submitted_at, attempts_submitted_at) as submitted_at
        ),
        {{ key('source', 'activity_type', 'activity_id', 'item_number', 'user_key') }} as grade_key,
        {{ key('source', 'activity_type', 'activity_id') }} as activity_key,
        {{ key('source', 'nullif(course_id, ' ~ site_course_id() ~ ')') }} as course_key,
        site_url || '/grade/report/grader/index.php?id=' || cast(course_id as varchar) as url,
        case
            when activity_type = 'quiz' and quiz_grade >= {{ almost_zero() }} then {{ as_fraction('grade / quiz_grade') }}
            when activity_type = 'exelearning' then computed_scaled
            when activity_type <> 'quiz' and row_max > row_min then {{ as_fraction('(grade - row_min) / (row_max - row_min)') }}
        end as grade_scaled
    from judged
)

select * from keyed
