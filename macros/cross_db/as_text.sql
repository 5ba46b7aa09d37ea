{# Text of any width, also for identifiers (UUID has no counterpart on BigQuery) and codes. #}
{% macro as_text(expression) -%}
    cast({{ expression }} as {{ dbt.type_string() }})
{%- endmacro %}

{#
    Text of fixed width (`character(n)`): without the padding, and null when nothing is left. Padding is spaces: PostgreSQL's
    trim takes no other character away, BigQuery's takes tabs, line ends and hard spaces as well, unless it is told which.
#}
{% macro as_trimmed_text(expression) -%}
    nullif(trim({{ as_text(expression) }}, ' '), '')
{%- endmacro %}
