with

listed as (

    select * from {{ ref('dim_training_provider') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        training_provider_id,
        ukprn,
        training_provider_name,
        is_active_provider
    from listed

)

select * from final
