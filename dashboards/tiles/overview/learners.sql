-- title: Learners
-- definition: Accounts in the role of a student with an active enrolment in at least one course: those whose progress
--   Moodle tracks.
-- caveat: One person with two accounts counts twice. Deleted accounts are left out.
-- empty: Nobody is enrolled as a learner.
-- kind: metric
-- column value: Learners | count learner/learners
-- column note: Note | text
select
    count(distinct user_key) as value,
    'In ' || format('{:,}', count(*)) || if(count(*) = 1, ' place', ' places')
    || ' (one learner in one course is one place).' as note
from fct_course_completions
where is_tracked_learner and not is_deleted and in_scope(course_key, user_key)
having count(*) > 0
