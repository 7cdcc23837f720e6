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

{# Whether two rows are of one life: the same quiz attempt, or the same number of one account at a package. #}
{% macro same_life(left, right) -%}
    {{ left }}.source = {{ right }}.source
        and {{ left }}.activity_type = {{ right }}.activity_type
        and {{ left }}.subject_id = {{ right }}.subject_id
        and {{ left }}.subject_user_id is not distinct from {{ right }}.subject_user_id
        and {{ left }}.number_in_life is not distinct from {{ right }}.number_in_life
{%- endmacro %}
