with

not_held as (

    select * from {{ ref('int_route__not_held') }}

),

routes as (

    select * from {{ ref('int_route__typed') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

training_providers as (

    select * from {{ ref('stg_trs__training_providers') }}

),

final as (

    select
        not_held.qualification_id,
        routes.person_id,
        coalesce(standings.live_person_id, routes.person_id) as live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        routes.route_type_id,
        routes.route_type_name,
        routes.award_group,
        routes.professional_status,
        routes.is_qtls,
        routes.is_early_years_itt,
        routes.route_status,
        routes.route_status_label,
        not_held.route_outcome,
        not_held.route_outcome_date,
        not_held.route_outcome_date_source,
        routes.training_start_date,
        routes.training_end_date,
        routes.dates_out_of_range,
        routes.training_provider_id,
        training_providers.ukprn as training_provider_ukprn,
        training_providers.name as training_provider_name,
        routes.is_migrated,
        {{ london_date('routes.created_on') }} as record_created_date
    from not_held
    inner join routes
        on not_held.qualification_id = routes.qualification_id
    left join standings
        on routes.person_id = standings.person_id
    left join training_providers
        on routes.training_provider_id = training_providers.training_provider_id

)

select * from final
