{#
    A field of a JSON column as text, by its path (`json_text('payload', ['Alert', 'AlertId'])`); null when it is not there,
    and when it is an object or a list. A number comes as its database writes it: 1.50 may be 1.5.
#}
{% macro json_text(expression, path) -%}
    {{ adapter.dispatch('json_text')(expression, path) }}
{%- endmacro %}

{% macro default__json_text(expression, path) -%}
    {%- set keys = "'{" ~ path | join(',') ~ "}'" -%}
    case when jsonb_typeof(cast({{ expression }} as jsonb) #> {{ keys }}) not in ('object', 'array') then {{ expression }} #>> {{ keys }} end
{%- endmacro %}

{% macro bigquery__json_text(expression, path) -%}
    json_value({{ expression }}, '$.{{ path | join(".") }}')
{%- endmacro %}
