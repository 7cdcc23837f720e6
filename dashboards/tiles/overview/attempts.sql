-- title: Attempts
-- definition: Attempts that learners have begun, in any state.
-- caveat: Teachers' previews are left out, and so are attempts that Moodle made ahead of time and nobody has opened.
-- empty: Nobody has begun an attempt.
-- kind: metric
-- column value: Attempts | count attempt/attempts
-- column note: Note | text
select
    count(*) as value,
    'By ' || format('{:,}', count(distinct user_key)) || if(count(distinct user_key) = 1, ' account', ' accounts') || ' in '
    || format('{:,}', count(distinct activity_key)) || if(count(distinct activity_key) = 1, ' activity.', ' activities.') as note
from fct_attempts
where not is_preview and state <> 'not_started' and in_scope(course_key, user_key)
having count(*) > 0
