{#
    Whether there is a date or timestamp that `finite` makes null: infinity, or a year before 1 or after 9999. Of a day
    nothing is left, so the result is open (warehouse/core/lineage/releases.yml).
#}
{% macro is_infinite(expression) -%}
    /* released: is_infinite */ ({{ adapter.dispatch('infinite')(expression) }})
{%- endmacro %}

{% macro default__infinite(expression) -%}
    false
{%- endmacro %}

{% macro postgres__infinite(expression) -%}
    coalesce(not {{ in_calendar(expression) }}, false)
{%- endmacro %}
