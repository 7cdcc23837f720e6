-- One row for each move of a source's clock since the last build.
select
    source,
    least(before, after) as earlier_at,
    greatest(before, after) as later_at
from {{ source('touched', 'clock') }}
