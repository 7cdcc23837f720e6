-- title: Sources
-- definition: For each source the time that its data in this release stands for, and when it was last
--   synced. After 26 hours without a sync it counts as not up to date.
-- caveat: A sync that found nothing new makes no new release; the data is then as current as the last sync.
-- empty: This release does not say which sources it was made from.
-- kind: table
-- column tone: Tone | tone
-- column source: Source | text
-- column verdict: Verdict | text
-- column as_of: Data as of | time
-- column last_success_at: Last successful sync | time
select
    if(verdict = 'Up to date', 'good', 'attention') as tone,
    source,
    verdict,
    as_of,
    last_success_at
from source_freshness
order by verdict = 'Up to date', source
