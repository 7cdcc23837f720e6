-- One row for each account and course that has a course total in the gradebook.
with gradebook as (
    select * from {{ ref('int_gradebook') }}
),

tracked_learners as (
    select * from {{ ref('int_tracked_learners') }}
)

select
    {{ key('gradebook.course_key', 'gradebook.user_key') }} as course_grade_key,
    gradebook.source,
    gradebook.course_key,
    gradebook.user_key,
    gradebook.grade_item_key,
    gradebook.grade,
    gradebook.min_grade,
    gradebook.max_grade,
    gradebook.grade_percent,
    gradebook.is_passed,
    gradebook.is_overridden,
    gradebook.is_hidden,
    gradebook.is_withheld,
    tracked_learners.user_id is not null as is_tracked_learner,
    gradebook.graded_at
from gradebook
left join tracked_learners
    on gradebook.source = tracked_learners.source
    and gradebook.course_id = tracked_learners.course_id
    and gradebook.user_id = tracked_learners.user_id
-- the site's front page is no course
where gradebook.item_type = 'course' and gradebook.course_key is not null
