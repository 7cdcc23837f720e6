{# So many attempts in a row, up to the newest, without a verdict: the package is of a generation that never gives one. #}
{% macro attempts_of_a_new_emitter() -%}5{%- endmacro %}

{# More repeated events than this in one attempt's life are a flood. #}
{% macro repeats_of_a_flood() -%}10{%- endmacro %}
