-- title: Open findings and what to do
-- definition: Open findings by the rule that they break, the serious and the frequent ones first.
-- caveat: The value that breaks a rule is withheld from scores; each finding with its evidence is in rpt_anomalies.
-- empty: No open findings. Every score lies within its bounds and every difference has a known reason.
-- empty is: good
-- kind: table
-- column tone: Tone | tone
-- column severity: Severity | text
-- column title: Finding | text
-- column findings: Open | count finding/findings
-- column courses: In | count course/courses
-- column latest_at: Latest | date
-- column what_to_do: What to do | text
select
    if(any_value(rpt_anomalies.severity) = 'error', 'bad', 'attention') as tone,
    case any_value(rpt_anomalies.severity) when 'error' then 'Serious' else 'Minor' end as severity,
    rpt_anomalies.title,
    count(*) as findings,
    count(distinct rpt_anomalies.course_key) as courses,
    max(rpt_anomalies.occurred_at) as latest_at,
    any_value(rpt_anomalies.what_to_do) as what_to_do
from rpt_anomalies
left join findings on rpt_anomalies.anomaly_key = findings.anomaly_key
where coalesce(findings.status, 'open') <> 'waived' and in_scope(rpt_anomalies.course_key, rpt_anomalies.user_key)
group by rpt_anomalies.rule, rpt_anomalies.severity, rpt_anomalies.title
order by rpt_anomalies.severity asc, findings desc, rpt_anomalies.title asc
