-- title: Activity grades: against the gradebook
-- definition: Each grade that an activity gave, held against the final grade in Moodle's gradebook, within 0.00001. Each
--   difference is listed with its reason.
-- caveat: Teachers may change grades in the gradebook, and Moodle may scale them there: such differences are normal.
-- empty: There are no grades yet.
-- kind: table
-- column tone: Tone | tone
-- column outcome: Outcome | text
-- column reason: Reason | text
-- column grades: Grades | count grade/grades
-- column share: Share | percent
select
    if(gradebook_parity <> 'match' and gradebook_reason is null, 'bad', 'neutral') as tone,
    case gradebook_parity
        when 'match' then 'Equal'
        when 'mismatch' then 'Different'
        when 'missing_in_lms' then 'Missing in the gradebook'
        when 'missing_here' then 'Only in the gradebook'
    end as outcome,
    case
        when gradebook_parity = 'match' then 'Nothing to explain'
        when gradebook_reason is null then 'Unexplained'
        else upper(gradebook_reason[1]) || replace(gradebook_reason[2:], '_', ' ')
    end as reason,
    count(*) as grades,
    100.0 * count(*) / sum(count(*)) over () as share
from fct_grades
where in_scope(course_key, user_key)
group by gradebook_parity, gradebook_reason
order by
    gradebook_parity <> 'match' and gradebook_reason is null desc,
    gradebook_parity = 'match' desc,
    grades desc,
    gradebook_parity asc,
    gradebook_reason asc
