{#
    Values in the types of the old reporting tables, which were those of SQL Server. `datetime` has no zone: a point in time
    is in UTC, as it was there, and a day is its midnight. `bit` is 0 or 1. Arrays and JSON are text.
#}
{% macro old_datetime(point_in_time) -%}
    {{ adapter.dispatch('old_datetime')(point_in_time) }}
{%- endmacro %}

{% macro default__old_datetime(point_in_time) -%}
    cast({{ point_in_time }} at time zone 'UTC' as timestamp)
{%- endmacro %}

{% macro bigquery__old_datetime(point_in_time) -%}
    datetime({{ point_in_time }}, 'UTC')
{%- endmacro %}

{% macro old_datetime_type() -%}
    {{ adapter.dispatch('old_datetime_type')() }}
{%- endmacro %}

{% macro default__old_datetime_type() -%}
    timestamp
{%- endmacro %}

{% macro bigquery__old_datetime_type() -%}
    datetime
{%- endmacro %}

{% macro old_midnight(day) -%}
    cast({{ day }} as {{ old_datetime_type() }})
{%- endmacro %}

{% macro old_bit(truth) -%}
    cast({{ truth }} as {{ dbt.type_int() }})
{%- endmacro %}

{# An array column of staging as PostgreSQL's replication wrote it: `{a,b}`. #}
{% macro old_array(array_column) -%}
    {{ adapter.dispatch('old_array')(array_column) }}
{%- endmacro %}

{% macro default__old_array(array_column) -%}
    {{ as_text(array_column) }}
{%- endmacro %}

{% macro bigquery__old_array(array_column) -%}
    '{' || array_to_string({{ array_column }}, ',') || '}'
{%- endmacro %}

{% macro old_json(json_column) -%}
    {{ adapter.dispatch('old_json')(json_column) }}
{%- endmacro %}

{% macro default__old_json(json_column) -%}
    {{ as_text(json_column) }}
{%- endmacro %}

{# BigQuery writes `null` for a column that is null, too, which is the text of JSON's own null. #}
{% macro bigquery__old_json(json_column) -%}
    case when {{ json_column }} is not null then to_json_string({{ json_column }}) end
{%- endmacro %}
