{#
The value of a key in what the log says about an event beside its columns: JSON, or PHP's own form (until Moodle 3.9, and
where the site chose it). Text, NULL where there is none. Engine-specific, so dispatched.
#}
{% macro log_value(payload, name) -%}
    {{ return(adapter.dispatch('log_value', 'rollbook')(payload, name)) }}
{%- endmacro %}

{% macro default__log_value(payload, name) -%}
    coalesce(
        case when json_valid({{ payload }}) then json_extract_string({{ payload }}, '$.{{ name }}') end,
        nullif(regexp_extract({{ payload }}, 's:\d+:"{{ name }}";[idb]:([^;]*);', 1), ''),
        nullif(regexp_extract({{ payload }}, 's:\d+:"{{ name }}";s:\d+:"([^"]*)";', 1), '')
    )
{%- endmacro %}

{# Whether what the log says beside its columns can be read at all; nothing is readable too. #}
{% macro is_log_payload(payload) -%}
    {{ return(adapter.dispatch('is_log_payload', 'rollbook')(payload)) }}
{%- endmacro %}

{% macro default__is_log_payload(payload) -%}
    ({{ payload }} is null or json_valid({{ payload }}) or regexp_full_match({{ payload }}, '(?s)a:\d+:\{.*\}|N;'))
{%- endmacro %}

{# Whether a box was ticked in the form that the log keeps, however deep the form lies. Never NULL. #}
{% macro is_ticked(payload, name) -%}
    {{ return(adapter.dispatch('is_ticked', 'rollbook')(payload, name)) }}
{%- endmacro %}

{% macro default__is_ticked(payload, name) -%}
    coalesce(regexp_matches({{ payload }}, '"{{ name }}"(:|;(s:\d+|i|b):)"?1'), false)
{%- endmacro %}
