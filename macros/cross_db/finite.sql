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

{# How many of these dates and timestamps stand at infinity in one row: nulled by `finite`, and counted here. #}
{% macro infinite_count(expressions) -%}
    {{ adapter.dispatch('infinite_count')(expressions) }}
{%- endmacro %}

{% macro default__infinite_count(expressions) -%}
    0
{%- endmacro %}

{% macro postgres__infinite_count(expressions) -%}
    {%- for expression in expressions -%}
        case when isfinite({{ expression }}) is false then 1 else 0 end
        {%- if not loop.last %} + {% endif -%}
    {%- endfor -%}
{%- endmacro %}

{# Whether a date or timestamp stands at ±infinity: there is one, and it is no day. #}
{% macro is_infinite(expression) -%}
    {{ adapter.dispatch('is_infinite')(expression) }}
{%- endmacro %}

{% macro default__is_infinite(expression) -%}
    false
{%- endmacro %}

{% macro postgres__is_infinite(expression) -%}
    coalesce(not isfinite({{ expression }}), false)
{%- endmacro %}
