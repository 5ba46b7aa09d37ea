{# A date or timestamp, or null where PostgreSQL holds infinity or -infinity. BigQuery has no such value. #}
{% macro finite(expression) -%}
    {{ adapter.dispatch('finite')(expression) }}
{%- endmacro %}

{% macro default__finite(expression) -%}
    {{ expression }}
{%- endmacro %}

{% macro postgres__finite(expression) -%}
    case when isfinite({{ expression }}) then {{ expression }} end
{%- endmacro %}

{# How many of these dates and timestamps are infinite in one row: `finite` makes them null, and this counts them. #}
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
