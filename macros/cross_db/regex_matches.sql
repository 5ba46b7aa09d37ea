{# Whether a text contains a match of a regular expression (case counts). Write \d as [0-9]. #}
{% macro regex_matches(expression, pattern) -%}
    {{ adapter.dispatch('regex_matches')(expression, pattern) }}
{%- endmacro %}

{% macro default__regex_matches(expression, pattern) -%}
    ({{ expression }} ~ '{{ pattern }}')
{%- endmacro %}

{% macro bigquery__regex_matches(expression, pattern) -%}
    regexp_contains({{ expression }}, r'{{ pattern }}')
{%- endmacro %}
