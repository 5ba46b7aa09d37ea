with

source as (

    select * from {{ replica('tps_establishment_types') }}

),

final as (

    select
        source.tps_establishment_type_id,
        {{ as_trimmed_text('source.establishment_range_from') }} as establishment_range_from,
        {{ as_trimmed_text('source.establishment_range_to') }} as establishment_range_to,
        {{ as_text('source.description') }} as description,
        {{ as_text('source.short_description') }} as short_description
    from source

)

select * from final
