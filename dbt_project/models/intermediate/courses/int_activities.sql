-- One row for each activity instance that a course module, an instance table, the gradebook or an attempt names.
{{ config(materialized='table') }}
with instances as (
    select * from {{ ref('stg_moodle__activity_instances') }}
),

course_modules as (
    select * from {{ ref('stg_moodle__course_modules') }}
),

module_types as (
    select * from {{ ref('stg_moodle__modules') }}
),

sections as (
    select * from {{ ref('stg_moodle__course_sections') }}
),

courses as (
    select * from {{ ref('int_courses') }}
),

grade_items as (
    select * from {{ ref('stg_moodle__grade_items') }}
),

quizzes as (
    select * from {{ ref('stg_moodle__quiz') }}
),

quiz_attempts as (
    select * from {{ ref('stg_moodle__quiz_attempts') }}
),

exelearning_attempts as (
    select * from {{ ref('stg_moodle__exelearning_attempt') }}
),

scorm_attempts as (
    select * from {{ ref('int_scorm_attempt_rows') }}
),

exelearnings as (
    select * from {{ ref('stg_moodle__exelearning') }}
),

scorms as (
    select * from {{ ref('stg_moodle__scorm') }}
),

sources as (
    select * from {{ ref('stg_landing__sources') }}
),

-- An instance has one course module; should a site hold two, the one that is not being deleted stands, then the older.
placed as (
    select
        course_modules.*,
        module_types.activity_type
    from course_modules
    inner join module_types
        on course_modules.source = module_types.source
        and course_modules.module_type_id = module_types.module_type_id
    -- 0 is a course module whose instance is still being made
    where course_modules.activity_id <> 0
    qualify row_number() over (
        partition by course_modules.source, module_types.activity_type, course_modules.activity_id
        order by course_modules.is_deletion_in_progress, course_modules.course_module_id
    ) = 1
),

-- The activity's own grade item: the one with the least item number.
own_grade_items as (
    select *
    from grade_items
    where item_type = 'mod' and item_instance_id is not null
    qualify row_number() over (
        partition by source, item_module, item_instance_id
        order by item_number, grade_item_id
    ) = 1
),

named as (
    select
        source,
        activity_type,
        activity_id
    from instances
    union
    select
        source,
        activity_type,
        activity_id
    from placed
    union
    select
        source,
        item_module as activity_type,
        item_instance_id as activity_id
    from own_grade_items
    union
    select
        source,
        'quiz' as activity_type,
        quiz_id as activity_id
    from quiz_attempts
    union
    select
        source,
        'exelearning' as activity_type,
        exelearning_id as activity_id
    from exelearning_attempts
    union
    select
        source,
        'scorm' as activity_type,
        scorm_id as activity_id
    from scorm_attempts
),

-- What the tables of single module types say; every other type has no such settings.
type_settings as (
    select
        source,
        'quiz' as activity_type,
        quiz_id as activity_id,
        max_grade,
        null as pass_grade,
        {{ moodle_word('quiz_grade_method', 'grade_method_id') }} as grade_method,
        max_attempts,
        time_limit_seconds,
        grace_period_seconds,
        navigation_method,
        overdue_handling,
        question_behaviour,
        opens_at,
        closes_at
    from quizzes
    union all
    select
        source,
        'exelearning' as activity_type,
        exelearning_id as activity_id,
        max_grade,
        pass_grade,
        {{ moodle_word('exelearning_grade_method', 'grade_method_id') }} as grade_method,
        max_attempts,
        null as time_limit_seconds,
        null as grace_period_seconds,
        null as navigation_method,
        null as overdue_handling,
        null as question_behaviour,
        null as opens_at,
        null as closes_at
    from exelearnings
    union all
    select
        source,
        'scorm' as activity_type,
        scorm_id as activity_id,
        -- counting finished learning objects (0), the maximum is their number, which only the grade item knows
        case when grade_method_id <> 0 then cast(max_grade as decimal(18, 5)) end as max_grade,
        null as pass_grade,
        {{ moodle_word('scorm_attempts_grading', 'attempts_grading_id') }} as grade_method,
        max_attempts,
        null as time_limit_seconds,
        null as grace_period_seconds,
        null as navigation_method,
        null as overdue_handling,
        null as question_behaviour,
        opens_at,
        closes_at
    from scorms
),

joined as (
    select
        named.source,
        named.activity_type,
        named.activity_id,
        placed.course_module_id,
        nullif(
            coalesce(placed.course_id, instances.course_id, own_grade_items.course_id), {{ site_course_id() }}
        ) as course_id,
        sections.section_number,
        nullif(sections.name, '') as section_name,
        {{ position_in_list('sections.sequence', ',', 'placed.course_module_id') }} as section_position,
        coalesce(instances.name, own_grade_items.item_name) as name,
        nullif(placed.id_number, '') as id_number,
        case
            when placed.course_module_id is not null then
                sources.site_url || '/mod/' || named.activity_type || '/view.php?id='
                || cast(placed.course_module_id as varchar)
        end as url,
        type_settings.grade_method,
        type_settings.question_behaviour,
        type_settings.navigation_method,
        type_settings.overdue_handling,
        {{ moodle_word('completion_tracking', 'placed.completion_tracking_id') }} as completion_tracking,
        coalesce(
            type_settings.max_grade,
            case
                when own_grade_items.grade_type <> {{ moodle_number('grade_type', 'none') }} then own_grade_items.max_grade
            end
        ) as max_grade,
        coalesce(nullif(type_settings.pass_grade, 0), nullif(own_grade_items.pass_grade, 0)) as pass_grade,
        nullif(type_settings.max_attempts, 0) as max_attempts,
        nullif(type_settings.time_limit_seconds, 0) as time_limit_seconds,
        type_settings.grace_period_seconds,
        placed.is_visible,
        sections.is_visible as is_section_visible,
        -- without its course module or its own row an activity can no longer be opened
        placed.course_module_id is null
        or instances.activity_id is null
        or placed.is_deletion_in_progress as is_deleted,
        type_settings.opens_at,
        type_settings.closes_at,
        placed.completion_expected_at,
        placed.added_at
    from named
    left join instances
        on named.source = instances.source
        and named.activity_type = instances.activity_type
        and named.activity_id = instances.activity_id
    left join placed
        on named.source = placed.source
        and named.activity_type = placed.activity_type
        and named.activity_id = placed.activity_id
    left join own_grade_items
        on named.source = own_grade_items.source
        and named.activity_type = own_grade_items.item_module
        and named.activity_id = own_grade_items.item_instance_id
    left join type_settings
        on named.source = type_settings.source
        and named.activity_type = type_settings.activity_type
        and named.activity_id = type_settings.activity_id
    left join sections
        on placed.source = sections.source
        and placed.course_section_id = sections.course_section_id
    left join sources
        on named.source = sources.source
),

keyed as (
    select
        joined.*,
        {{ key('joined.source', 'joined.activity_type', 'joined.activity_id') }} as activity_key,
        courses.course_key,
        courses.is_visible as is_course_visible,
        coalesce(joined.completion_tracking <> 'none', false) as is_tracked,
        case
            when joined.is_deleted then null
            else row_number() over (
                partition by joined.source, joined.course_id, joined.is_deleted
                order by joined.section_number, joined.section_position, joined.course_module_id
            )
        end as position
    from joined
    left join courses
        on joined.source = courses.source
        and joined.course_id = courses.course_id
)

select * from keyed
