with

source as (

    select * from {{ replica('mandatory_qualification_providers') }}

),

final as (

    select
        {{ as_text('source.mandatory_qualification_provider_id') }} as mandatory_qualification_provider_id,
        {{ as_text('source.name') }} as name
    from source

)

select * from final
