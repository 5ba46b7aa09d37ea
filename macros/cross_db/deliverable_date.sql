{#
    A date that a file and every receiver's software can hold, or null: years 1 to 9999. PostgreSQL holds others, and
    migrated routes have some (a year typed with five digits). The marts keep them; an extract must not fail on one.
#}
{% macro deliverable_date(expression) -%}
    case
        when {{ expression }} between cast('0001-01-01' as date) and cast('9999-12-31' as date) then {{ expression }}
    end
{%- endmacro %}
