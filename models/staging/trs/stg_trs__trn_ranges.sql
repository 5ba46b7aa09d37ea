with

source as (

    select * from {{ source('trs', 'trn_ranges') }}

),

final as (

    select
        source.from_trn,
        source.to_trn,
        source.next_trn,
        source.is_exhausted
    from source

)

select * from final
