-- One row for each course, the site's front page left out.
{{ config(materialized='table') }}
with courses as (
    select * from {{ ref('stg_moodle__course') }}
),

categories as (
    select * from {{ ref('stg_moodle__course_categories') }}
),

settings as (
    select * from {{ ref('stg_moodle__config') }}
),

sources as (
    select * from {{ ref('stg_landing__sources') }}
),

surrounding as (
    select
        source,
        course_category_id,
        {{ list_items("path", "/") }} as surrounding_category_id
    from categories
),

category_paths as (
    select
        surrounding.source,
        surrounding.course_category_id,
        string_agg(categories.name, ' / ' order by categories.depth, categories.course_category_id) as category_path
    from surrounding
    inner join categories
        on surrounding.source = categories.source
        and surrounding.surrounding_category_id = categories.course_category_id
    group by surrounding.source, surrounding.course_category_id
),

sites_without_completion as (
    select distinct source
    from settings
    where name = 'enablecompletion' and value = '0'
),

joined as (
    select
        courses.source,
        courses.course_id,
        {{ key('courses.source', 'courses.course_id') }} as course_key,
        courses.short_name,
        courses.full_name,
        nullif(courses.id_number, '') as id_number,
        category_paths.category_path,
        courses.format,
        sources.site_url || '/course/view.php?id=' || cast(courses.course_id as varchar) as url,
        courses.is_visible,
        coalesce(courses.is_completion_enabled, false) and sites_without_completion.source is null
            as is_completion_enabled,
        courses.starts_at,
        courses.ends_at,
        courses.created_at
    from courses
    left join category_paths
        on courses.source = category_paths.source
        and courses.course_category_id = category_paths.course_category_id
    left join sites_without_completion
        on courses.source = sites_without_completion.source
    left join sources
        on courses.source = sources.source
    where courses.course_id <> {{ site_course_id() }}
)

select * from joined
