{#
Incremental models recompute by touched keys: a model of folder `touched` lists what must be worked out again, the model
reads only that, and its strategy replaces only that. What moved is noted in both its versions, so the lists hold the keys
of rows that are gone as well; those are deleted and nothing takes their place.

    config(materialized='incremental', incremental_strategy='touched', on_schema_change='fail',
           unique_key=['source', 'quiz_attempt_id'], meta={'touched_by': 'int_touched_attempts'})

`touched_by` names the list, `unique_key` the columns that the list and the model share. Arrival is the only cursor (the
list comes of the batches since the last build), so what is late or out of order cannot be missed; that the result equals
a full refresh is proved in tests/property.
#}
{% macro get_incremental_touched_sql(arg_dict) -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set listed = target.incorporate(path={'schema': 'intermediate', 'identifier': config.get('meta')['touched_by']}) -%}
    delete from {{ target }} as built
    using (select distinct {{ arg_dict['unique_key'] | join(', ') }} from {{ listed }}) as touched
    where {{ same_keys('built', arg_dict['unique_key']) }};
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

{#
The condition by which a model reads only what `list` (a model of folder `touched`) names; true in a full refresh. `columns`
maps the list's columns to expressions of the rows that are read.
#}
{% macro only_touched(list, columns) -%}
    {#- while parsing, the list has to be seen as one of the model's inputs -#}
    {%- if not execute -%}{%- do ref(list) -%}{%- endif -%}
    {#- a unit test has no relation of its own, and is of the whole -#}
    {%- if this is not none and is_incremental() -%}
    exists (
        select 1
        from {{ ref(list) }} as touched
        where
            {% for name, expression in columns.items() -%}
            {{ 'and ' if not loop.first }}touched.{{ name }} is not distinct from {{ expression }}
            {% endfor %}
    )
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{% macro same_keys(built, columns) -%}
    {%- for name in columns -%}
        {{ ' and ' if not loop.first }}{{ built }}.{{ name }} is not distinct from touched.{{ name }}
    {%- endfor -%}
{%- endmacro %}
