{#
    The replicated tables whose rows the old reporting tables showed with the times of their loading.

    of_persons: those whose key is personal; or the others. They are kept apart, so that a key that says nothing of
        anybody does not become personal by being compared with one that does.
#}
{% macro legacy_replicas(of_persons) -%}
    {%- set tables = [] -%}
    {%- for table in legacy_loaded().split() -%}
        {%- if (table[4:] in keyed_by_person()) == of_persons -%}
            {%- do tables.append(table[4:]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}

{# The replicated tables whose key is personal by replication/trs.yml. #}
{% macro keyed_by_person() -%}
    {{ return(['persons', 'support_tasks', 'trn_request_metadata']) }}
{%- endmacro %}

{# The first and the last commit time of each row of these tables, as a query. #}
{% macro commit_times(tables) -%}
    {%- for table in tables %}
    select
        '{{ table }}' as replicated_table,
        {{ replica_key(table, 'versions') }} as replica_key,
        min(versions.known_from) as first_committed_at,
        max(versions.known_from) as last_committed_at
    from {{ source('trs_versions', table) }} as versions
    where {{ was_known('versions.known_from') }}
    group by
        {%- for column in fromyaml(as_at_rules())[table].key %}
        versions.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    {%- if not loop.last %}
    union all
    {%- endif -%}
    {%- endfor %}
{%- endmacro %}
