{#
    `__inserted` and `__updated` of a row: the commit times at the source of its first and its last version. They were the
    times at which the old copy loaded the row. A view imports the times of the table that its rows come from

        commit_times as (

            {{ commit_times_of('alerts') }}

        ),

    and left joins it on `replica_key`.
#}
{% macro commit_times_of(table) -%}
    select
        replica_key,
        first_committed_at,
        last_committed_at
    from {{ ref('int_row_of_person__commit_times' if table in keyed_by_person() else 'int_row__commit_times') }}
    where replicated_table = '{{ table }}'
{%- endmacro %}

{% macro legacy_times(view, times='commit_times') -%}
    {{ old_datetime(times ~ '.first_committed_at') }} as __inserted,
        {{ legacy_last(old_datetime(times ~ '.last_committed_at') ~ ' as __updated', view) }}
{%- endmacro %}

{# The key of a row of a replicated table as one text. #}
{% macro replica_key(table, alias) -%}
    {%- set texts = [] -%}
    {%- for column in fromyaml(as_at_rules())[table].key -%}
        {%- do texts.append(as_text(alias ~ '.' ~ column)) -%}
    {%- endfor -%}
    {{ texts | join(" || ' ' || ") }}
{%- endmacro %}
