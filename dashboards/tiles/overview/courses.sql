-- title: Courses
-- definition: Courses with at least one learner whose progress Moodle tracks.
-- caveat: Hidden courses count as well.
-- empty: No course has learners.
-- kind: metric
-- column value: Courses | count course/courses
-- column note: Note | text
select
    count(distinct course_key) as value,
    'With learners, of ' || format('{:,}', (select count(*) from dim_courses where not is_deleted)) || ' on the site.' as note
from fct_course_completions
where is_tracked_learner and not is_deleted and in_scope(course_key, user_key)
having count(*) > 0
