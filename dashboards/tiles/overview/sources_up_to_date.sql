-- title: Sources up to date
-- definition: Sources whose last sync succeeded, and did so less than 26 hours ago.
-- caveat: A source that was switched off counts as not up to date: its last data stays in the release.
-- empty: This release does not say which sources it was made from.
-- kind: metric
-- column value: Sources up to date | count source/sources
-- column note: Note | text
-- column tone: Tone | tone
select
    count(*) filter (where verdict = 'Up to date') as value,
    case
        when count(*) = 1 and bool_and(verdict = 'Up to date') then 'The only one there is.'
        when bool_and(verdict = 'Up to date') then 'All of them.'
        else
            'Of ' || count(*) || '. Not up to date: '
            || string_agg(source, ', ' order by source) filter (where verdict <> 'Up to date') || '.'
    end as note,
    case when bool_and(verdict = 'Up to date') then 'good' else 'attention' end as tone
from source_freshness
having count(*) > 0
