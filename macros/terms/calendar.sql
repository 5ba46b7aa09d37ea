{#
    The academic year of a date, `2025/26`: it begins on 1 September. The financial year, `2025-26`, begins on 1 April.
    Null for null. The column of dim_date is the same; a model that has only to name the year needs no join.
#}
{% macro academic_year(day) -%}
    {{ split_year(day, 9, '/') }}
{%- endmacro %}

{% macro financial_year(day) -%}
    {{ split_year(day, 4, '-') }}
{%- endmacro %}

{# The year in which the published outcomes of trainees are counted: it begins on 1 August. #}
{% macro training_year(day) -%}
    {{ split_year(day, 8, '/') }}
{%- endmacro %}

{# A part of a date as a whole number: `part_of('month', 'start_date')`. #}
{% macro part_of(part, day) -%}
    cast(extract({{ part }} from {{ day }}) as {{ dbt.type_int() }})
{%- endmacro %}

{# The first calendar year of the year that begins with this month: 2025 for the academic year 2025/26. #}
{% macro first_year_of(day, first_month) -%}
    ({{ part_of('year', day) }} - case when {{ part_of('month', day) }} < {{ first_month }} then 1 else 0 end)
{%- endmacro %}

{% macro split_year(day, first_month, separator) -%}
    lpad({{ as_text(first_year_of(day, first_month)) }}, 4, '0')
    || '{{ separator }}'
    || lpad({{ as_text('mod(' ~ first_year_of(day, first_month) ~ ' + 1, 100)') }}, 2, '0')
{%- endmacro %}

{# The month of a date as text that sorts: `2026-11`. #}
{% macro calendar_month(day) -%}
    lpad({{ as_text(part_of('year', day)) }}, 4, '0') || '-' || lpad({{ as_text(part_of('month', day)) }}, 2, '0')
{%- endmacro %}
