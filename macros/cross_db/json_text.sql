{# A field of a JSON column as text, by its path (`json_text('payload', ['Alert', 'AlertId'])`); null when it is not there. #}
{% macro json_text(expression, path) -%}
    {{ adapter.dispatch('json_text')(expression, path) }}
{%- endmacro %}

{% macro default__json_text(expression, path) -%}
    ({{ expression }} #>> '{ {{- path | join(",") -}} }')
{%- endmacro %}

{% macro bigquery__json_text(expression, path) -%}
    json_value({{ expression }}, '$.{{ path | join(".") }}')
{%- endmacro %}
