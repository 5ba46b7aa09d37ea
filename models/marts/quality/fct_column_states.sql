with

column_states as (

    select * from {{ ref('stg_ledger__column_states') }}

),

final as (

    select
        table_name,
        column_name,
        column_state,
        reason,
        since,
        complete_at,
        column_name = '' as is_whole_table,
        column_state = 'complete' as is_complete,
        cast(rows_filled as {{ dbt.type_bigint() }}) as filled_row_count
    from column_states

)

select * from final
