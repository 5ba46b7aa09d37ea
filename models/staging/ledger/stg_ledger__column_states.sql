with

source as (

    select * from {{ source('ledger', 'column_states') }}

),

final as (

    select
        source.table_name,
        source.column_name,
        source.state as column_state,
        source.reason,
        source.since,
        source.rows_filled,
        source.complete_at
    from source

)

select * from final
