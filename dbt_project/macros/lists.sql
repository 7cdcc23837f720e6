{# Text lists of ids, as Moodle stores paths ('/1/5/9') and section sequences ('3,6,7'). Engine-specific, so dispatched. #}
{% macro list_items(column, separator) -%}
    {{ return(adapter.dispatch('list_items', 'rollbook')(column, separator)) }}
{%- endmacro %}

{# One row an item, as a number; empty items are dropped by the caller's join. #}
{% macro default__list_items(column, separator) -%}
    unnest(list_transform(string_split({{ column }}, '{{ separator }}'), lambda item: try_cast(item as bigint)))
{%- endmacro %}

{% macro position_in_list(column, separator, item) -%}
    {{ return(adapter.dispatch('position_in_list', 'rollbook')(column, separator, item)) }}
{%- endmacro %}

{# Where an item stands in the list, from 1; NULL where it does not. #}
{% macro default__position_in_list(column, separator, item) -%}
    nullif(list_position(string_split({{ column }}, '{{ separator }}'), cast({{ item }} as varchar)), 0)
{%- endmacro %}
