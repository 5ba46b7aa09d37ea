{# A point in time from a text with its zone: `2026-05-01T12:00:00Z`. #}
{% macro moment(text) -%}
    {{ adapter.dispatch('moment')(text) }}
{%- endmacro %}

{% macro default__moment(text) -%}
    cast('{{ text }}' as timestamptz)
{%- endmacro %}

{% macro bigquery__moment(text) -%}
    timestamp('{{ text }}')
{%- endmacro %}
