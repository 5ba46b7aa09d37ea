with

training_providers as (

    select * from {{ ref('stg_trs__training_providers') }}

),

commit_times as (

    {{ commit_times_of('training_providers') }}

),

final as (

    select
        training_providers.training_provider_id as id,
        training_providers.name,
        training_providers.ukprn as dfeta_ukprn,
        {{ old_bit('true') }} as dfeta_trainingprovider,
        {{ legacy_state('not training_providers.is_active') }},
        {{ legacy_times('account') }}
    from training_providers
    left join commit_times
        on training_providers.training_provider_id = commit_times.replica_key

)

select * from final
