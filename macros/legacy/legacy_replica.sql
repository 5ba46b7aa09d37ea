{#
    A view with the name, the columns and the types of one of the old `trs_*` tables, over the staging model of the same
    table: the whole SQL of such a model. Which columns it has is in seeds/legacy_columns.csv (`legacy_kept`).
#}
{% macro legacy_replica(table) -%}
{%- set view = 'trs_' ~ table -%}
{%- set kept = legacy_kept(view).split() -%}
{%- set is_loaded = view in legacy_loaded().split() -%}
with

rows_now as (

    select * from {{ ref('stg_trs__' ~ table) }}

),
{%- if is_loaded %}

commit_times as (

    {{ commit_times_of(table) }}

),
{%- endif %}

final as (

    select
        {%- for pair in kept if not pair.startswith('__') %}
        {%- set column, type = pair.split(':') %}
        {%- set shown = legacy_replica_column(column, type) ~ ' as ' ~ column %}
        {%- if loop.last and not is_loaded %}
        {{ legacy_last(shown, view) }}
        {%- else %}
        {{ shown }},
        {%- endif %}
        {%- endfor %}
        {%- if is_loaded %}
        {{ legacy_times(view) }}
        {%- endif %}
    from rows_now
    {%- if is_loaded %}
    left join commit_times
        on commit_times.replica_key = {{ replica_key(table, 'rows_now') }}
    {%- endif %}

)

select * from final
{%- endmacro %}

{# One column of staging in its old type. #}
{% macro legacy_replica_column(column, type) -%}
    {%- set staged = 'rows_now.' ~ {'key': 'employment_key'}.get(column, column) -%}
    {%- if type == 'datetime' -%}
        {{ old_datetime(staged) }}
    {%- elif type == 'bit' -%}
        {{ old_bit(staged) }}
    {%- elif type == 'array' -%}
        {{ old_array(staged) }}
    {%- elif type == 'json' -%}
        {{ old_json(staged) }}
    {%- else -%}
        {{ staged }}
    {%- endif -%}
{%- endmacro %}

{#
    The last column of a view. With `--vars 'legacy_nulls: true'`, for tools that need the whole shape, there follow the
    columns of the old table that have no successor, as nulls of their types.

    view: the old table; none where this is not the last column.
#}
{% macro legacy_last(column, view) -%}
    {{ column }}
    {%- if view is not none and var('legacy_nulls', false) -%}
        {%- for pair in legacy_gone(view).split() -%}
            {%- set gone, type = pair.split(':') -%}
            ,
        cast(null as {{ legacy_type(type) }}) as {{ gone }}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{# The counterpart of a type of SQL Server in both databases. #}
{% macro legacy_type(type) -%}
    {%- if type in ('text', 'array', 'json') -%}
        {{ dbt.type_string() }}
    {%- elif type in ('int', 'bit') -%}
        {{ dbt.type_int() }}
    {%- elif type == 'datetime' -%}
        {{ old_datetime_type() }}
    {%- elif type.startswith('decimal') and target.type == 'bigquery' -%}
        numeric
    {%- else -%}
        {{ type | replace('decimal', 'numeric') }}
    {%- endif -%}
{%- endmacro %}
