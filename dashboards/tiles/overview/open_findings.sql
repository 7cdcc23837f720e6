-- title: Open findings
-- definition: Rows of the sources that break a rule, such as a score outside its bounds, and that nobody has waived.
-- caveat: A finding is about data, not about a person: the value may have been entered, imported or restored wrongly.
-- empty: Findings cannot be counted in this release.
-- kind: metric
-- column value: Open findings | count finding/findings
-- column note: Note | text
-- column tone: Tone | tone
with findings_now as (
    select rpt_anomalies.severity
    from rpt_anomalies
    left join findings on rpt_anomalies.anomaly_key = findings.anomaly_key
    where coalesce(findings.status, 'open') <> 'waived' and in_scope(rpt_anomalies.course_key, rpt_anomalies.user_key)
)

select
    count(*) as value,
    case
        when count(*) = 0 then 'Good news: nothing breaks a rule.'
        else format('{:,}', count(*) filter (where severity = 'error')) || ' of them serious. What to do is listed below.'
    end as note,
    case
        when count(*) = 0 then 'good'
        when count(*) filter (where severity = 'error') > 0 then 'bad'
        else 'attention'
    end as tone
from findings_now
