-- title: Alerts
-- definition: What the last run could not put right by itself, and what is still open.
-- caveat: Alerts are those of the last run, which may be later than the release shown.
-- empty: No open alerts.
-- empty is: good
-- kind: table
-- column tone: Tone | tone
-- column title: Alert | text
-- column detail: What is known | text
-- column opened_at: Since | date
select
    if(severity in ('error', 'critical'), 'bad', 'attention') as tone,
    title,
    nullif(detail, '') as detail,
    opened_at
from open_alerts
order by tone = 'bad' desc, opened_at
