{# Named values as the JSON text of a finding's evidence. Engine-specific, so dispatched. Never personal data. #}
{% macro evidence_json(values) -%}
    {{ return(adapter.dispatch('evidence_json', 'rollbook')(values)) }}
{%- endmacro %}

{% macro default__evidence_json(values) -%}
    cast(json_object(
        {%- for name, expression in values.items() %}
        '{{ name }}', {{ expression }}{{ "," if not loop.last }}
        {%- endfor %}
    ) as varchar)
{%- endmacro %}

{#
The columns of a finding, in the order of int_findings. `subject_key` makes its key, `evidence` names the values shown. Rows
of a join say whose columns are meant by `of`; what has no attempt says `attempt_key='cast(null as varchar)'`.
#}
{% macro finding(rule, subject, subject_key, evidence, occurred_at, of='', attempt_key=none) -%}
    {%- set own = of ~ '.' if of else '' -%}
    '{{ rule }}' as rule,
        '{{ subject }}' as subject,
        {{ subject_key }} as subject_key,
        {{ own }}source,
        {{ own }}course_key,
        {{ own }}activity_key,
        {{ attempt_key or own ~ 'attempt_key' }}{{ ' as attempt_key' if attempt_key }},
        {{ own }}user_key,
        {{ evidence_json(evidence) }} as evidence,
        {{ occurred_at }}{{ ' as occurred_at' if occurred_at != 'occurred_at' }}
{%- endmacro %}
