with

training_providers as (

    select * from {{ ref('stg_trs__training_providers') }}

),

final as (

    select
        training_provider_id,
        ukprn,
        name as training_provider_name,
        is_active as is_active_provider,
        ukprn is not null as has_ukprn
    from training_providers

)

select * from final
