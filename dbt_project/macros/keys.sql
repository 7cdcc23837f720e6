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

{#
Whose events are numbered together: those of a quiz attempt, or those of an account at a package, whose attempts may get a
number that an earlier, deleted one had.
#}
{% macro lifecycle_key(subject, user_key) -%}
    case
        when {{ subject }}.activity_type = 'quiz' then {{ key(subject ~ '.source', "'quiz'", subject ~ '.subject_id') }}
        else {{ joined_key(key(subject ~ '.source', subject ~ '.activity_type', subject ~ '.subject_id'), user_key) }}
    end
{%- endmacro %}
