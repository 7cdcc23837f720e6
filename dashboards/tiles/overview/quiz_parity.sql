-- title: Quiz grades: Moodle's against our own
-- definition: Each quiz grade that Moodle has stored, held against the grade that we compute from the attempts, within
--   0.00001. Each difference is listed with its reason.
-- caveat: Moodle does not recompute on every occasion, so some differences are normal: these have a reason that was tested.
-- empty: There are no quiz grades yet.
-- kind: table
-- column tone: Tone | tone
-- column outcome: Outcome | text
-- column reason: Reason | text
-- column grades: Grades | count grade/grades
-- column share: Share | percent
select
    if(parity <> 'match' and parity_reason is null, 'bad', 'neutral') as tone,
    case parity
        when 'match' then 'Equal'
        when 'mismatch' then 'Different'
        when 'missing_in_lms' then 'Missing in Moodle'
        when 'missing_here' then 'Only in Moodle'
    end as outcome,
    case
        when parity = 'match' then 'Nothing to explain'
        when parity_reason is null then 'Unexplained'
        else upper(parity_reason[1]) || replace(parity_reason[2:], '_', ' ')
    end as reason,
    count(*) as grades,
    100.0 * count(*) / sum(count(*)) over () as share
from fct_grades
where parity is not null and in_scope(course_key, user_key)
group by parity, parity_reason
order by parity <> 'match' and parity_reason is null desc, parity = 'match' desc, grades desc, parity asc, parity_reason asc
