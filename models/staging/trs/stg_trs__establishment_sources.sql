with

source as (

    select * from {{ replica('establishment_sources') }}

),

final as (

    select
        source.establishment_source_id,
        {{ as_text('source.name') }} as name
    from source

)

select * from final
