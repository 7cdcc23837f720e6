-- title: Alerts
-- definition: What the last run could not put right by itself, and what is still open.
-- caveat: Alerts are those of the last run, which may be later than the release shown.
-- empty: No open alerts.
-- empty is: good
-- kind: table
-- column severity: Severity | text
-- column title: Alert | text
-- column detail: What is known | text
-- column opened_at: Since | time
select
    upper(severity[1]) || severity[2:] as severity,
    title,
    nullif(detail, '') as detail,
    opened_at
from open_alerts
order by open_alerts.severity <> 'error', opened_at
