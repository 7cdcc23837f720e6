-- title: Latest releases
-- definition: The last five releases and how many rows of the marts each of them added, changed or removed. The first one
--   is the one on this page.
-- caveat: A run that finds nothing new publishes no release.
-- empty: This release does not know its own history.
-- kind: table
-- column release_id: Release | text
-- column released_at: Published | time
-- column as_of: Data as of | time
-- column reason: Reason | text
-- column rows_changed: Changed | count row/rows
select
    cast(release_id as varchar) as release_id,
    released_at,
    as_of,
    reason,
    rows_inserted + rows_updated + rows_deleted as rows_changed
from releases
order by releases.release_id desc
limit 5
