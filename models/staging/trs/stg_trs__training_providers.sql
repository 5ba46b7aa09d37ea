with

source as (

    select * from {{ replica('training_providers') }}

),

final as (

    select
        {{ as_text('source.training_provider_id') }} as training_provider_id,
        {{ as_trimmed_text('source.ukprn') }} as ukprn,
        {{ as_text('source.name') }} as name,
        source.is_active
    from source

)

select * from final
