-- title: Unexplained grade differences
-- definition: Grades whose stored value differs from our recomputation of the attempts, or whose quiz or activity grade
--   differs from the gradebook's, while none of the known reasons holds. Zero is what it should be.
-- caveat: A difference with a known reason (overridden by a teacher, locked, no longer enrolled, ...) is not counted here;
--   all of them are listed under "Proof of grades".
-- empty: There are no grades to compare yet.
-- kind: metric
-- column value: Unexplained differences | count difference/differences
-- column note: Note | text
-- column tone: Tone | tone
with grades as (
    select
        (parity <> 'match' and parity_reason is null)
        or (gradebook_parity <> 'match' and gradebook_reason is null) as is_unexplained
    from fct_grades
    where in_scope(course_key, user_key)
)

select
    count(*) filter (where is_unexplained) as value,
    case
        when count(*) filter (where is_unexplained) = 0
            then 'Good news: each of ' || format('{:,}', count(*)) || ' grades agrees or has a known reason.'
        else 'Of ' || format('{:,}', count(*)) || ' grades. See the open findings below.'
    end as note,
    case when count(*) filter (where is_unexplained) = 0 then 'good' else 'bad' end as tone
from grades
having count(*) > 0
