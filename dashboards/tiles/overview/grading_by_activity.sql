-- title: Quizzes with answers to grade
-- definition: Quizzes with attempts that wait for a teacher, the longest wait first; at most 20.
-- caveat: While one answer waits, the whole attempt has no score. Teachers' previews are left out.
-- empty: Nothing waits to be graded by hand.
-- empty is: good
-- kind: table
-- column quiz: Quiz | text
-- column course: Course | text
-- column attempts: Waiting | count attempt/attempts
-- column oldest_at: Oldest handed in | date
select
    dim_activities.name as quiz,
    dim_courses.full_name as course,
    count(*) as attempts,
    min(fct_attempts.submitted_at) as oldest_at
from fct_attempts
left join dim_activities on fct_attempts.activity_key = dim_activities.activity_key
left join dim_courses on fct_attempts.course_key = dim_courses.course_key
where fct_attempts.needs_grading and not fct_attempts.is_preview and in_scope(fct_attempts.course_key, fct_attempts.user_key)
group by fct_attempts.activity_key, dim_activities.name, dim_courses.full_name
order by oldest_at asc, attempts desc, fct_attempts.activity_key asc
limit 20
