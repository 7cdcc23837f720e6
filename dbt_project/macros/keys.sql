{# A readable key: its parts joined by ':', NULL where any part is NULL. #}
{% macro key() -%}
    {%- for part in varargs -%}
        cast({{ part }} as varchar){% if not loop.last %} || ':' || {% endif %}
    {%- endfor -%}
{%- endmacro %}

{# A key made of other keys, joined by '/', NULL where any of them is NULL. #}
{% macro joined_key() -%}
    {{ varargs | join(" || '/' || ") }}
{%- endmacro %}
