{#
A grade or mark as Moodle stores it, five decimals. Sums and products before it stay in decimals; one division at most. NULL
where it is too large to be one: Moodle's own columns hold five digits before the point.
#}
{% macro as_grade(expression) -%}
    try_cast(round({{ expression }}, 5) as decimal(18, 5))
{%- endmacro %}

{# A fraction of a maximum, seven decimals, as Moodle stores question fractions; NULL where it is too large to be one. #}
{% macro as_fraction(expression) -%}
    try_cast(round({{ expression }}, 7) as decimal(20, 7))
{%- endmacro %}

{# Below this a quiz's sum of marks counts as zero (Moodle's ALMOST_ZERO). #}
{% macro almost_zero() -%}0.000005{%- endmacro %}

{# Two grades further apart than this differ: both are rounded to five decimals. #}
{% macro grade_tolerance() -%}0.00001{%- endmacro %}

{# True where both are NULL, or both are there and equal within the rounding of the source. Never NULL. #}
{% macro is_same_grade(left, right) -%}
    coalesce(abs({{ left }} - {{ right }}) <= {{ grade_tolerance() }}, {{ left }} is null and {{ right }} is null)
{%- endmacro %}

{# How the grade the LMS shows stands to the other one: match, mismatch, missing_in_lms or missing_here. #}
{% macro compared(in_lms, here) -%}
    case
        when {{ is_same_grade(in_lms, here) }} then 'match'
        when {{ in_lms }} is null then 'missing_in_lms'
        when {{ here }} is null then 'missing_here'
        else 'mismatch'
    end
{%- endmacro %}

{# A quiz grade from a sum of marks: rescaled to the quiz's maximum, 0 where the quiz has no marks to give (DOMAIN 4.2). #}
{% macro rescaled_to_quiz(marks, attempts, quiz_sum, quiz_grade) -%}
    case
        when {{ marks }} is null then null
        when {{ quiz_sum }} >= {{ almost_zero() }}
            then {{ as_grade(marks ~ ' * ' ~ quiz_grade ~ ' / (' ~ attempts ~ ' * ' ~ quiz_sum ~ ')') }}
        else cast(0 as decimal(18, 5))
    end
{%- endmacro %}

{# The mark that a grade method takes from aggregated marks (columns <name><suffix>), before dividing by marks_divisor. #}
{% macro mark_by_method(method, suffix='') -%}
    case {{ method }}
        when 'highest' then highest_mark{{ suffix }}
        when 'average' then total_mark{{ suffix }}
        when 'first' then first_mark{{ suffix }}
        when 'last' then last_mark{{ suffix }}
    end
{%- endmacro %}

{# The value of the row with the greatest order, kept also where it is NULL. Engine-specific, so dispatched. #}
{% macro value_at_greatest(value, order, where=none) -%}
    {{ return(adapter.dispatch('value_at_greatest', 'rollbook')(value, order, where)) }}
{%- endmacro %}

{% macro default__value_at_greatest(value, order, where=none) -%}
    arg_max_null({{ value }}, {{ order }}){% if where %} filter (where {{ where }}){% endif %}
{%- endmacro %}

{# Fractions of a question are compared within the rounding of seven decimals. #}
{% macro fraction_tolerance() -%}0.0000002{%- endmacro %}

{#
What Moodle makes of a raw grade (grade_item::adjust_raw_grade): rescaled from the range of the row to the range of the
item, multiplied, offset, held to the item's bounds; on a scale rounded to a step; NULL for items that take no numbers.
Reads the columns of int_gradebook.
#}
{% macro adjusted_raw_grade() -%}
    case
        when raw_grade is null then null
        when grade_type = {{ moodle_number('grade_type', 'value') }} and item_max < item_min then null
        when grade_type = {{ moodle_number('grade_type', 'value') }} and item_max = item_min then item_max
        when grade_type = {{ moodle_number('grade_type', 'value') }} then
            {{ as_grade('least(greatest(' ~ rescaled_raw_grade() ~ ' * mult_factor + plus_factor, item_min), '
                ~ reachable_maximum() ~ ')') }}
        when grade_type = {{ moodle_number('grade_type', 'scale') }} then
            {{ as_grade('least(greatest(round(' ~ rescaled_raw_grade() ~ ' + 0.00001), item_min), item_max)') }}
    end
{%- endmacro %}

{% macro rescaled_raw_grade() -%}
    case
        when not is_rescaled then cast(raw_grade as double)
        when row_max = row_min then cast(item_max as double)
        else
            cast(raw_grade - row_min as double) / cast(row_max - row_min as double)
            * cast(item_max - item_min as double) + cast(item_min as double)
    end
{%- endmacro %}

{# A site that allows unlimited grades stops at ten times the maximum. #}
{% macro reachable_maximum() -%}
    item_max * case when is_unlimited then 10 else 1 end
{%- endmacro %}

{# Where a score stands on a range, in percent, in doubles as Moodle has it; NULL where the range is empty. #}
{% macro as_percent(score, minimum, maximum) -%}
    cast(100 as double) * ({{ score }} - cast({{ minimum }} as double))
    / cast(nullif({{ maximum }} - {{ minimum }}, 0) as double)
{%- endmacro %}
