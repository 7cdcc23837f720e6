-- title: Progress by course
-- definition: For each course the learners that Moodle tracks, how many of them Moodle has marked as having completed it,
--   and the mean of Moodle's progress percentages. The 100 courses with most learners.
-- caveat: A percentage is none where the course does not use completion. Moodle marks a course as completed with some delay.
-- empty: No course has learners.
-- kind: table
-- column course: Course | text
-- column learners: Learners | count learner/learners
-- column completed: Completed | count learner/learners
-- column completed_percent: Completed, share | percent bar
-- column progress_percent: Mean progress | percent bar
select
    any_value(coalesce(dim_courses.full_name, dim_courses.short_name)) as course,
    count(*) as learners,
    if(bool_or(done.is_completion_enabled), count(*) filter (where done.status = 'completed'), null) as completed,
    if(
        bool_or(done.is_completion_enabled), 100.0 * count(*) filter (where done.status = 'completed') / count(*), null
    ) as completed_percent,
    avg(done.percentage) as progress_percent
from fct_course_completions as done
left join dim_courses on done.course_key = dim_courses.course_key
where done.is_tracked_learner and not done.is_deleted and in_scope(done.course_key, done.user_key)
group by done.course_key
order by learners desc, course asc, done.course_key asc
limit 100
