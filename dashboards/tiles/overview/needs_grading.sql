-- title: Waiting for a teacher
-- definition: Quiz attempts that were handed in and hold at least one answer which has to be graded by hand.
-- caveat: Teachers' previews are left out. Assignments and other activities are not counted.
-- empty: There are no quiz attempts yet.
-- kind: metric
-- column value: Waiting for a teacher | count attempt/attempts
-- column note: Note | text
-- column tone: Tone | tone
select
    count(*) filter (where needs_grading) as value,
    case
        when count(*) filter (where needs_grading) = 0 then 'Everything that was handed in is graded.'
        else
            'In ' || count(distinct activity_key) filter (where needs_grading)
            || if(count(distinct activity_key) filter (where needs_grading) = 1, ' quiz', ' quizzes')
            || coalesce(
                '; the oldest since ' || strftime(min(submitted_at) filter (where needs_grading), '%-d %b %Y'), ''
            )
            || '.'
    end as note,
    case when count(*) filter (where needs_grading) = 0 then 'good' else 'attention' end as tone
from fct_attempts
where not is_preview and in_scope(course_key, user_key)
having count(*) > 0
