-- title: Courses
-- definition: Courses with at least one learner whose progress Moodle tracks.
-- caveat: Hidden courses count as well.
-- empty: No course has learners.
-- kind: metric
-- column value: Courses | count course/courses
-- column note: Note | text
with with_learners as (
    select count(distinct course_key) as courses
    from fct_course_completions
    where is_tracked_learner and not is_deleted and in_scope(course_key, user_key)
),

all_courses as (
    select count(*) as courses
    from dim_courses
    where not is_deleted
)

select
    with_learners.courses as value,
    'With learners, of ' || format('{:,}', all_courses.courses) || ' in all.' as note
from with_learners
cross join all_courses
where with_learners.courses > 0
