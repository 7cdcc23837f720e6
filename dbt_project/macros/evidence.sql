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
