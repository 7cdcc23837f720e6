{# The time that a SCO says it took, in whole seconds: `0000:23:12.00` or `PT23M12S`; NULL where unreadable. #}
{% macro scorm_seconds(text) -%}
    {{ return(adapter.dispatch('scorm_seconds', 'rollbook')(text)) }}
{%- endmacro %}

{% macro default__scorm_seconds(text) -%}
    case
        when regexp_full_match({{ text }}, '\d{1,4}:\d{1,2}:\d{1,2}(\.\d+)?') then
            cast(split_part({{ text }}, ':', 1) as bigint) * 3600
            + cast(split_part({{ text }}, ':', 2) as bigint) * 60
            + cast(split_part(split_part({{ text }}, ':', 3), '.', 1) as bigint)
        when regexp_full_match(
            {{ text }}, 'P(\d{1,6}D)?(T(\d{1,6}H)?(\d{1,6}M)?(\d{1,9}(\.\d+)?S)?)?'
        ) then
            coalesce(try_cast(regexp_extract({{ text }}, '(\d+)D', 1) as bigint), 0) * 86400
            + coalesce(try_cast(regexp_extract({{ text }}, 'T.*?(\d+)H', 1) as bigint), 0) * 3600
            + coalesce(try_cast(regexp_extract({{ text }}, 'T.*?(\d+)M', 1) as bigint), 0) * 60
            + coalesce(try_cast(regexp_extract({{ text }}, 'T.*?(\d+)(\.\d+)?S', 1) as bigint), 0)
    end
{%- endmacro %}

{# A raw score as Moodle reads it: a number rounded to two decimals; NULL beyond a thousand millions. #}
{% macro scorm_score(text) -%}
    round(try_cast({{ text }} as decimal(14, 5)), 2)
{%- endmacro %}

{# Versions of the SCORM 2004 family, by the words that packages give. #}
{% macro is_scorm_2004(version) -%}
    coalesce(lower(trim({{ version }})) in ('scorm_13', 'scorm_1.3'), false)
{%- endmacro %}
