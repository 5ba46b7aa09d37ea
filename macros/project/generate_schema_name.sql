{#
    A folder's schema is its own name (`staging`, `marts`, ...), the same for everyone, because readers have rights on it.
    - The variable `schema_prefix` goes before it: a build aside writes `aside_marts` and is then renamed.
    - On BigQuery datasets share a project with others, so the profile's dataset goes before it: `teaching_record_marts`.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set own = custom_schema_name | trim if custom_schema_name is not none else none -%}
    {%- if target.type == 'bigquery' -%}
        {%- set name = target.schema ~ ('_' ~ own if own else '') -%}
    {%- else -%}
        {%- set name = own or target.schema -%}
    {%- endif -%}
    {{- var('schema_prefix', '') ~ name -}}
{%- endmacro %}
