with

source as (

    select * from {{ replica('degree_types') }}

),

final as (

    select
        {{ as_text('source.degree_type_id') }} as degree_type_id,
        {{ as_text('source.name') }} as name,
        source.is_active
    from source

)

select * from final
