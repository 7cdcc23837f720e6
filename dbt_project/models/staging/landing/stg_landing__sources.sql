-- One row for each source.
select
    source,
    kind,
    rtrim(site_url, '/') as site_url,
    as_of
from {{ source('landing', 'sources') }}
