{#
    A date or timestamp that every client can read, or null: years 1 to 9999, of a timestamp wherever on earth the client
    is. PostgreSQL also holds infinity, years before 1 and years after 9999 (a year typed with five digits); BigQuery,
    pandas and most drivers have no such value. `original_dates` keeps what was there.
#}
{% macro finite(expression) -%}
    {{ adapter.dispatch('finite')(expression) }}
{%- endmacro %}

{% macro default__finite(expression) -%}
    {{ expression }}
{%- endmacro %}

{% macro postgres__finite(expression) -%}
    case when {{ in_calendar(expression) }} then {{ expression }} end
{%- endmacro %}

{# How many of these dates and timestamps `finite` makes null in one row. #}
{% macro infinite_count(expressions) -%}
    {{ adapter.dispatch('infinite_count')(expressions) }}
{%- endmacro %}

{% macro default__infinite_count(expressions) -%}
    0
{%- endmacro %}

{% macro postgres__infinite_count(expressions) -%}
    {%- for expression in expressions -%}
        case when {{ is_infinite(expression) }} then 1 else 0 end
        {%- if not loop.last %} + {% endif -%}
    {%- endfor -%}
{%- endmacro %}

{# The dates and timestamps that `finite` makes null, as the source has them: `training_end_date 19621-09-13`; or null. #}
{% macro original_dates(expressions) -%}
    {{ adapter.dispatch('original_dates')(expressions) }}
{%- endmacro %}

{% macro default__original_dates(expressions) -%}
    cast(null as {{ dbt.type_string() }})
{%- endmacro %}

{% macro postgres__original_dates(expressions) -%}
    nullif(concat_ws('; '
    {%- for expression in expressions -%}
        , case
            when not {{ in_calendar(expression) }}
                then '{{ expression.split('.')[-1] }} ' || {{ as_text(expression) }}
        end
    {%- endfor -%}
    ), '')
{%- endmacro %}

{#
    PostgreSQL alone asks; null for null. The literals take the type of what they are compared with, so of a date their
    hours do not count. A moment is read in the client's time zone: 0001-01-01 00:00 UTC, the least moment of .NET, was in
    the year before in London. Sixteen hours are more than any zone was ever behind UTC, fourteen as much as one is ahead.
#}
{% macro in_calendar(expression) -%}
    ({{ expression }} between '0001-01-01 16:00+00' and '9999-12-31 09:59:59+00')
{%- endmacro %}
