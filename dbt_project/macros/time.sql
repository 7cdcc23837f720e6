{#
Moodle's seconds since 1970 as a UTC instant. 0 and NULL both mean "none" there; what lies outside the years 1 to 9999 is
no moment either.
#}
{% macro epoch_to_utc(column) -%}
    to_timestamp(case when {{ column }} between -62135596800 and 253402300799 then nullif({{ column }}, 0) end)
{%- endmacro %}
