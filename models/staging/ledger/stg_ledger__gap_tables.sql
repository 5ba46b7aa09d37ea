with

source as (

    select * from {{ source('ledger', 'gap_tables') }}

),

final as (

    select
        source.gap_id,
        source.table_name,
        source.rows_compared,
        source.rows_inserted,
        source.rows_updated,
        source.rows_deleted
    from source

)

select * from final
