-- One row for each aggregation rule of criteria.
select
    _source as source,
    id as completion_aggregation_id,
    course as course_id,
    criteriatype as criterion_type_id,
    method as method_id,
    value
from {{ source('landing', 'moodle_course_completion_aggr_methd') }}
