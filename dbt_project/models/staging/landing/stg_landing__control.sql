-- One row: the clock of the build.
select
    as_of,
    time_zone
from {{ source('landing', 'control') }}
