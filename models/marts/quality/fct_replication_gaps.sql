with

gaps as (

    select * from {{ ref('stg_ledger__gaps') }}

),

gap_tables as (

    select * from {{ ref('stg_ledger__gap_tables') }}

),

replicated_tables as (

    {% for table in fromyaml(as_at_rules()) -%}
    select '{{ table }}' as table_name
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- A broken stream concerns every table, compared or not yet; damage to the replica only those that were looked at.
concerned as (

    select
        gaps.gap_id,
        replicated_tables.table_name
    from gaps
    cross join replicated_tables
    where gaps.ended_epoch_id != gaps.new_epoch_id
    union all
    select
        gap_id,
        table_name
    from gap_tables

),

gaps_by_table as (

    select distinct
        gap_id,
        table_name
    from concerned

),

final as (

    select
        cast(gaps_by_table.gap_id as {{ dbt.type_bigint() }}) as gap_id,
        gaps_by_table.table_name,
        gaps.from_time,
        gaps.to_time,
        gaps.found_at,
        gaps.repaired_at,
        gaps.reason,
        gaps.ended_epoch_id = gaps.new_epoch_id as is_damage_only,
        gap_tables.rows_compared is not null as is_compared,
        cast(coalesce(gap_tables.rows_inserted, 0) as {{ dbt.type_bigint() }}) as inserted_row_count,
        cast(coalesce(gap_tables.rows_updated, 0) as {{ dbt.type_bigint() }}) as updated_row_count,
        cast(coalesce(gap_tables.rows_deleted, 0) as {{ dbt.type_bigint() }}) as deleted_row_count
    from gaps_by_table
    inner join gaps
        on gaps_by_table.gap_id = gaps.gap_id
    left join gap_tables
        on
            gaps_by_table.gap_id = gap_tables.gap_id
            and gaps_by_table.table_name = gap_tables.table_name

)

select * from final
