{#- The tables whose rows hold dates or timestamps: their staging models count the infinite ones. -#}
{%- set tables = [
    'alerts', 'emails', 'events', 'integration_transaction_records', 'integration_transactions', 'notes',
    'one_login_users', 'persons', 'previous_names', 'process_events', 'processes', 'qualifications',
    'route_migration_report_items', 'support_task_notes', 'support_tasks', 'tps_csv_extract_items',
    'tps_csv_extract_load_items', 'tps_csv_extracts', 'tps_employments', 'tps_establishments', 'trn_request_metadata',
    'users',
] -%}

with

counted as (

    {% for table in tables -%}
    select
        '{{ table }}' as table_name,
        count(*) as row_count,
        sum(infinite_value_count) as infinite_value_count
    from {{ ref('stg_trs__' ~ table) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (

    select
        table_name,
        cast(row_count as {{ dbt.type_bigint() }}) as row_count,
        cast(coalesce(infinite_value_count, 0) as {{ dbt.type_bigint() }}) as infinite_value_count
    from counted

)

select * from final
