{#
Whether a grade is worked out from attempts here: that of a quiz, and what eXeLearning and SCORM send to a gradebook item.
Reads the columns of int_grades.
#}
{% macro is_recomputed() -%}
    (activity_type = 'quiz' and item_number = 0)
    or (
        activity_type in ('exelearning', 'scorm')
        and item_number < {{ first_outcome_number() }}
        and item_grade_type = {{ moodle_number('grade_type', 'value') }}
    )
{%- endmacro %}

{#
Why the grade that the LMS shows for an activity differs from its recomputation, as a code of the seed parity_reasons;
NULL where they match or where no reason's predicate holds. Reads the columns of int_grades.
#}
{% macro parity_reason() -%}
    case
        when parity is null or parity = 'match' then null
        when is_quiz_gone then 'quiz_gone'
        when is_decided_out_of_bounds then 'attempt_out_of_bounds'
        when {{ is_another_stored_grade('computed_grade') }} then 'duplicate_grade'
        when deciding_state = 'abandoned' and computed_grade is null
            and {{ is_same_grade('grade', 'grade_of_completed') }} then 'abandoned_attempt_decides'
        when deciding_state = 'submitted' and computed_grade is null
            and {{ is_same_grade('grade', 'grade_of_completed') }} then 'submitted_attempt_decides'
        -- a quiz stores its grade itself; what other activities sent is in the gradebook alone
        when activity_type = 'quiz' then null
        when {{ is_gone_from_gradebook() }} and is_account_deleted then 'account_deleted'
        when {{ is_gone_from_gradebook() }} and enrolled_at is null then 'not_enrolled'
        when {{ is_gone_from_gradebook() }} and attempts_submitted_at <= enrolled_at then 'enrolled_again'
        when is_grade_locked then 'grade_locked'
        when is_item_locked or is_activity_locked then 'item_locked'
    end
{%- endmacro %}

{#
Why the gradebook's final grade differs from the activity's grade, as a code of the seed parity_reasons; NULL where they
match or where no reason's predicate holds. The first that holds counts: what left no grade, what changes it exactly by
the item's own arithmetic, what keeps new grades out. Reads the columns of int_grades.
#}
{% macro gradebook_reason() -%}
    case
        when gradebook_parity = 'match' then null
        when is_withheld then 'out_of_bounds'
        when is_quiz_gone then 'quiz_gone'
        when final_grade is null and activity_type = 'quiz'
            and (activity_grade_item_id is null or item_grade_type = {{ moodle_number('grade_type', 'none') }})
            and quiz_grade < {{ almost_zero() }} then 'no_grade_item'
        when final_grade is null and item_grade_type in (
            {{ moodle_number('grade_type', 'none') }}, {{ moodle_number('grade_type', 'text') }}
        ) then 'item_without_value'
        when grade is null and item_number >= {{ first_outcome_number() }} then 'outcome_item'
        when {{ is_gone_from_gradebook() }} and is_account_deleted then 'account_deleted'
        when {{ is_gone_from_gradebook() }} and enrolled_at is null then 'not_enrolled'
        when {{ is_gone_from_gradebook() }} and stored_at <= enrolled_at then 'enrolled_again'
        when is_overridden then 'overridden'
        when {{ is_another_stored_grade('raw_grade') }} then 'duplicate_grade'
        when activity_type = 'quiz' and grade is null and computed_grade is null and attempts_counted > 0
            and {{ is_same_grade('adjusted_grade', 'final_grade') }} then 'quiz_grade_removed'
        when {{ is_explained_by_arithmetic() }} and is_factored then 'item_factors'
        when {{ is_explained_by_arithmetic() }} and is_rescaled then 'rescaled'
        when {{ is_explained_by_arithmetic() }} and item_grade_type = {{ moodle_number('grade_type', 'scale') }}
            then 'rounded_to_scale'
        when {{ is_explained_by_arithmetic() }} then 'clamped'
        when is_grade_locked then 'grade_locked'
        when is_item_locked or is_activity_locked then 'item_locked'
        when needs_update and {{ is_same_grade('raw_grade', 'grade') }} then 'regrade_pending'
    end
{%- endmacro %}

{# The gradebook holds no grade and was not told to hold none. #}
{% macro is_gone_from_gradebook() -%}
    activity_grade_item_id is not null and final_grade is null and raw_grade is null and not coalesce(is_overridden, false)
{%- endmacro %}

{# The gradebook got the activity's grade, and what Moodle's formula makes of it is the final grade. #}
{% macro is_explained_by_arithmetic() -%}
    final_grade is not null
    and {{ is_same_grade('raw_grade', 'grade') }}
    and {{ is_same_grade('adjusted_grade', 'final_grade') }}
{%- endmacro %}

{# Moodle numbers the outcomes of an activity from here. #}
{% macro first_outcome_number() -%}1000{%- endmacro %}

{# The quiz stores several grades for the account, and one of the rows that do not count has this one. #}
{% macro is_another_stored_grade(grade) -%}
    rows_stored > 1 and {{ grade }} is not null
    and ({{ is_same_grade(grade, 'least_stored') }} or {{ is_same_grade(grade, 'greatest_stored') }})
{%- endmacro %}
