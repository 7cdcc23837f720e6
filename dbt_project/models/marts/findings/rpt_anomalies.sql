-- One row for each finding: a row of a source that breaks a rule.
with findings as (
    select * from {{ ref('int_findings') }}
),

rules as (
    select * from {{ ref('anomaly_rules') }}
)

select
    {{ key('findings.rule', 'findings.subject_key') }} as anomaly_key,
    findings.rule,
    findings.subject,
    rules.severity,
    findings.source,
    findings.course_key,
    findings.activity_key,
    findings.attempt_key,
    findings.user_key,
    rules.title,
    rules.what_to_do,
    findings.evidence,
    findings.occurred_at
from findings
left join rules
    on findings.rule = rules.rule
