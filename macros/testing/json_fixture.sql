{# A unit test's JSON is written as a mapping. dbt's BigQuery adapter turns one into JSON; this does it on PostgreSQL. #}
{% macro postgres__safe_cast(field, type) -%}
    {%- if field is mapping -%}
        cast({{ dbt.string_literal(dbt.escape_single_quotes(tojson(field))) }} as {{ type }})
    {%- else -%}
        cast({{ field }} as {{ type }})
    {%- endif -%}
{%- endmacro %}
