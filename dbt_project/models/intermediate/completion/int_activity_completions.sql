-- One row for each account and activity with a stored completion state.
with completions as (
    select * from {{ ref('stg_moodle__course_modules_completion') }}
),

course_modules as (
    select * from {{ ref('stg_moodle__course_modules') }}
),

module_types as (
    select * from {{ ref('stg_moodle__modules') }}
),

courses as (
    select * from {{ ref('int_courses') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

joined as (
    select
        completions.source,
        completions.user_id,
        course_modules.course_id,
        completions.course_module_id,
        {{ key('completions.source', 'completions.activity_completion_id') }} as completion_key,
        {{ key('completions.source', 'module_types.activity_type', 'nullif(course_modules.activity_id, 0)') }} as activity_key,
        courses.course_key,
        accounts.user_key,
        {{ moodle_word('completion_state', 'completions.completion_state_id') }} as state,
        {{ is_completed_state('completions.completion_state_id') }} as is_completed,
        coalesce(completions.overridden_by_user_id, 0) <> 0 as is_overridden,
        -- what Moodle counts: activities with completion switched on that are not on their way out; hidden ones are in
        coalesce(
            course_modules.completion_tracking_id <> {{ moodle_number('completion_tracking', 'none') }}
            and not course_modules.is_deletion_in_progress,
            false
        ) as is_counted,
        completions.modified_at
    from completions
    left join course_modules
        on completions.source = course_modules.source
        and completions.course_module_id = course_modules.course_module_id
    left join module_types
        on course_modules.source = module_types.source
        and course_modules.module_type_id = module_types.module_type_id
    left join courses
        on course_modules.source = courses.source
        and course_modules.course_id = courses.course_id
    left join accounts
        on completions.source = accounts.source
        and completions.user_id = accounts.user_id
)

select * from joined
