{{ config(materialized='table') }}
-- One row for each event of the log that came since the last build.
select distinct
    source,
    log_id
from {{ ref('stg_touched__logstore_standard_log') }}
