with

outcomes as (

    select * from {{ ref('int_trainee__outcomes') }}

),

training_providers as (

    select * from {{ ref('stg_trs__training_providers') }}

),

final as (

    select
        outcomes.training_year,
        outcomes.professional_status,
        outcomes.award_group,
        outcomes.training_provider_id,
        outcomes.trainee_outcome,
        outcomes.outcome_date_source,
        outcomes.is_in_published_rate,
        training_providers.ukprn as training_provider_ukprn,
        training_providers.name as training_provider_name,
        cast(count(*) as {{ dbt.type_bigint() }}) as trainee_count
    from outcomes
    left join training_providers
        on outcomes.training_provider_id = training_providers.training_provider_id
    group by
        outcomes.training_year,
        outcomes.professional_status,
        outcomes.award_group,
        outcomes.training_provider_id,
        outcomes.trainee_outcome,
        outcomes.outcome_date_source,
        outcomes.is_in_published_rate,
        training_providers.ukprn,
        training_providers.name

)

select * from final
