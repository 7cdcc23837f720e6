-- title: Attempts by state
-- definition: Attempts that learners have begun, by where they stand at the time of the data.
-- caveat: An abandoned attempt was never handed in; Moodle gives it no grade. Teachers' previews are left out.
-- empty: Nobody has begun an attempt.
-- kind: bar
-- column state: State | text
-- column attempts: Attempts | count attempt/attempts
select
    case state
        when 'in_progress' then 'In progress'
        when 'submitted' then 'Submitted, not marked'
        else upper(state[1]) || state[2:]
    end as state,
    count(*) as attempts
from fct_attempts
where not is_preview and state <> 'not_started' and in_scope(course_key, user_key)
group by fct_attempts.state
order by attempts desc, fct_attempts.state asc
