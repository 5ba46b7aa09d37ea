with

source as (

    select * from {{ source('ledger', 'gaps') }}

),

final as (

    select
        source.gap_id,
        source.ended_epoch as ended_epoch_id,
        source.new_epoch as new_epoch_id,
        source.from_time,
        source.to_time,
        source.found_at,
        {{ if_known('source.repaired_at') }} as repaired_at,
        source.reason
    from source
    where {{ was_known('source.found_at') }}

)

select * from final
