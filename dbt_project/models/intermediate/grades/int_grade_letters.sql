-- One row for each course and letter, with the percentages that earn it.
with courses as (
    select * from {{ ref('stg_moodle__course') }}
),

contexts as (
    select * from {{ ref('stg_moodle__context') }}
),

own_letters as (
    select * from {{ ref('stg_moodle__grade_letters') }}
),

default_letters as (
    select * from {{ ref('default_grade_letters') }}
),

surrounding as (
    select
        source,
        instance_id as course_id,
        {{ list_items('path', '/') }} as context_id
    from contexts
    where {{ moodle_word('context_level', 'context_level') }} = 'course'
),

-- The nearest context that has letters of its own: the course, its categories inside out, the site.
nearest as (
    select
        surrounding.source,
        surrounding.course_id,
        surrounding.context_id
    from surrounding
    inner join contexts
        on surrounding.source = contexts.source
        and surrounding.context_id = contexts.context_id
    where
        exists (
            select 1
            from own_letters
            where
                own_letters.source = contexts.source
                and own_letters.context_id = contexts.context_id
        )
    qualify row_number() over (partition by surrounding.source, surrounding.course_id order by contexts.depth desc) = 1
),

chosen as (
    select
        nearest.source,
        nearest.course_id,
        own_letters.letter,
        own_letters.lower_boundary
    from nearest
    inner join own_letters
        on nearest.source = own_letters.source
        and nearest.context_id = own_letters.context_id
    union all
    select
        courses.source,
        courses.course_id,
        default_letters.letter,
        default_letters.lower_boundary
    from courses
    cross join default_letters
    where not exists (
        select 1
        from nearest
        where
            nearest.source = courses.source
            and nearest.course_id = courses.course_id
    )
),

ranges as (
    select
        source,
        course_id,
        letter,
        cast(lower_boundary as double) as from_percent,
        cast(
            coalesce(
                lead(lower_boundary) over (partition by source, course_id order by lower_boundary, letter), 1000
            ) as double
        ) as below_percent
    from chosen
)

select * from ranges
