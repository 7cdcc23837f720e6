{# Moodle's seconds since 1970 as a UTC instant; 0 and NULL both mean "none" there. #}
{% macro epoch_to_utc(column) -%}
    to_timestamp(nullif({{ column }}, 0))
{%- endmacro %}
