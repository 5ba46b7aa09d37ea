with

people as (

    select * from {{ ref('tad_vintage_people') }}

),

routes as (

    select * from {{ ref('fct_route') }}

),

route_types as (

    select * from {{ ref('dim_route_type') }}

),

training_providers as (

    select * from {{ ref('dim_training_provider') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        routes.qualification_id,
        routes.person_id,
        routes.live_person_id,
        route_types.route_type_id,
        routes.professional_status,
        routes.route_status,
        routes.is_held,
        {{ deliverable_date('routes.holds_from') }} as holds_from,
        {{ deliverable_date('routes.training_start_date') }} as training_start_date,
        {{ deliverable_date('routes.training_end_date') }} as training_end_date,
        training_providers.training_provider_id,
        routes.training_country_name,
        routes.degree_type_name,
        routes.training_subject_1,
        routes.training_subject_1_reference,
        routes.training_subject_2,
        routes.training_subject_2_reference,
        routes.training_subject_3,
        routes.training_subject_3_reference,
        routes.training_age_specialism_range_from,
        routes.training_age_specialism_range_to,
        routes.is_exempt_from_induction
    from routes
    inner join people
        on routes.live_person_id = people.live_person_id
    -- A type or provider that TRS does not list is null, so that every key of the vintage leads to a row.
    left join route_types
        on routes.route_type_id = route_types.route_type_id
    left join training_providers
        on routes.training_provider_id = training_providers.training_provider_id

)

select * from final
