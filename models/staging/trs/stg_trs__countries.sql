with

source as (

    select * from {{ replica('countries') }}

),

final as (

    select
        {{ as_text('source.country_id') }} as country_id,
        {{ as_text('source.name') }} as name,
        {{ as_text('source.official_name') }} as official_name,
        {{ as_text('source.citizen_names') }} as citizen_names
    from source

)

select * from final
