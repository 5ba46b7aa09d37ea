{# The day on which a timestamp falls in London: summer evenings belong to the next day of their UTC date. #}
{% macro london_date(expression) -%}
    {{ adapter.dispatch('london_date')(expression) }}
{%- endmacro %}

{% macro default__london_date(expression) -%}
    cast({{ expression }} at time zone 'Europe/London' as date)
{%- endmacro %}

{% macro bigquery__london_date(expression) -%}
    date({{ expression }}, 'Europe/London')
{%- endmacro %}
