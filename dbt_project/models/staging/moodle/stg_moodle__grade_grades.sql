-- One row for each account and gradebook item.
select
    _source as source,
    id as grade_id,
    itemid as grade_item_id,
    userid as user_id,
    rawscaleid as raw_scale_id,
    usermodified as modified_by_user_id,
    rawgrade as raw_grade,
    rawgrademax as raw_grade_max,
    rawgrademin as raw_grade_min,
    finalgrade as final_grade,
    aggregationstatus as aggregation_status,
    aggregationweight as aggregation_weight,
    hidden = 1 as is_hidden,
    {{ epoch_to_utc("case when hidden > 1 then hidden end") }} as hidden_until,
    {{ epoch_to_utc("locked") }} as locked_at,
    {{ epoch_to_utc("locktime") }} as lock_at,
    {{ epoch_to_utc("exported") }} as exported_at,
    {{ epoch_to_utc("overridden") }} as overridden_at,
    {{ epoch_to_utc("excluded") }} as excluded_at,
    {{ epoch_to_utc("timecreated") }} as created_at,
    {{ epoch_to_utc("timemodified") }} as modified_at
from {{ source('landing', 'moodle_grade_grades') }}
