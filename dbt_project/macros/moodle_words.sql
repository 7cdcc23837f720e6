{# Moodle's fixed value sets: what each stored number is called here. The one place where they are spelled out. #}
{% macro moodle_value_sets() -%}
    {{ return({
        'completion_state': {0: 'incomplete', 1: 'complete', 2: 'complete_pass', 3: 'complete_fail', 4: 'complete_fail'},
        'completion_tracking': {0: 'none', 1: 'manual', 2: 'automatic'},
        'context_level': {10: 'site', 30: 'user', 40: 'course_category', 50: 'course', 70: 'activity', 80: 'block'},
        'enrolment_status': {0: 'active', 1: 'suspended'},
        'enrolment_method_status': {0: 'enabled', 1: 'disabled'},
        'grade_type': {0: 'none', 1: 'value', 2: 'scale', 3: 'text'},
        'quiz_grade_method': {1: 'highest', 2: 'average', 3: 'first', 4: 'last'},
        'exelearning_grade_method': {0: 'highest', 1: 'average', 2: 'first', 3: 'last', 4: 'lowest'},
        'exelearning_grade_model': {0: 'overall', 1: 'per_item'},
        'scorm_attempt_grading': {0: 'scoes', 1: 'highest', 2: 'average', 3: 'sum'},
        'scorm_attempts_grading': {0: 'highest', 1: 'average', 2: 'first', 3: 'last'},
        'log_operation': {"'c'": 'create', "'r'": 'read', "'u'": 'update', "'d'": 'delete'},
        'education_level': {0: 'other', 1: 'teaching', 2: 'participating'},
    }) }}
{%- endmacro %}

{# The word for a stored number or letter; NULL where it is in no set. #}
{% macro moodle_word(value_set, column) -%}
    case {{ column }}
        {%- for number, word in moodle_value_sets()[value_set].items() %}
        when {{ number }} then '{{ word }}'
        {%- endfor %}
    end
{%- endmacro %}

{# The number that a word stands for, so that no model repeats a literal; the least one where several do. #}
{% macro moodle_number(value_set, word) -%}
    {%- for number, name in moodle_value_sets()[value_set].items() if name == word -%}
        {%- if loop.first -%}{{ number }}{%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{# True where a stored completion state counts towards progress: complete and complete_pass do, a fail does not. #}
{% macro is_completed_state(column) -%}
    {{ column }} in ({{ moodle_number('completion_state', 'complete') }}, {{ moodle_number('completion_state', 'complete_pass') }})
{%- endmacro %}

{# Moodle's front page is a course with this id; it is no course to teach in. #}
{% macro site_course_id() -%}1{%- endmacro %}
