-- title: Places completed
-- definition: Share of places (one learner in one course) where Moodle has marked the course as completed.
-- caveat: Only courses with completion switched on. Moodle marks a course as completed when its cron runs, some time
--   after the learner's last step.
-- empty: No course with learners has completion switched on.
-- kind: metric
-- column value: Places completed | percent
-- column note: Note | text
select
    100.0 * count(*) filter (where status = 'completed') / count(*) as value,
    format('{:,}', count(*) filter (where status = 'completed')) || ' of ' || format('{:,}', count(*)) || ' places.' as note
from fct_course_completions
where is_tracked_learner and not is_deleted and is_completion_enabled and in_scope(course_key, user_key)
having count(*) > 0
