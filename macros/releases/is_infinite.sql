{#
    Whether a date or timestamp is infinite: there is a value, and it is not a day. Of a day nothing is left, so the
    result is open (warehouse/core/lineage/releases.yml).
#}
{% macro is_infinite(expression) -%}
    /* released: is_infinite */ ({{ adapter.dispatch('infinite')(expression) }})
{%- endmacro %}

{% macro default__infinite(expression) -%}
    false
{%- endmacro %}

{% macro postgres__infinite(expression) -%}
    coalesce(not isfinite({{ expression }}), false)
{%- endmacro %}
