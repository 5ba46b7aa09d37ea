{#
    The earlier of two days or moments; the other one where one is null. `least` does not do: on BigQuery it is null when
    one of its values is, on PostgreSQL it leaves nulls out.
#}
{% macro earlier_of(left, right) -%}
    case when {{ left }} is null or {{ right }} < {{ left }} then {{ right }} else {{ left }} end
{%- endmacro %}

{# The later of two days or moments; the other one where one is null. #}
{% macro later_of(left, right) -%}
    case when {{ left }} is null or {{ right }} > {{ left }} then {{ right }} else {{ left }} end
{%- endmacro %}
