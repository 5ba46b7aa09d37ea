with

routes as (

    select * from {{ ref('int_route__typed') }}
    where not is_deleted

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

route_subjects as (

    select * from {{ ref('int_route__subjects') }}

),

countries as (

    select * from {{ ref('stg_trs__countries') }}

),

training_providers as (

    select * from {{ ref('stg_trs__training_providers') }}

),

degree_types as (

    select * from {{ ref('stg_trs__degree_types') }}

),

applications as (

    select
        user_id,
        short_name
    from {{ ref('stg_trs__users') }}

),

final as (

    select
        routes.qualification_id,
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
        routes.is_overseas_recognition,
        routes.is_early_years_itt,
        routes.route_status,
        routes.route_status_label,
        routes.is_held,
        routes.holds_from,
        coalesce(routes.holds_from > {{ as_at_date() }}, false) as is_held_from_future,
        routes.training_start_date,
        routes.training_end_date,
        coalesce(routes.training_end_date < routes.training_start_date, false) as ends_before_start,
        routes.dates_out_of_range,
        routes.training_provider_id,
        training_providers.ukprn as training_provider_ukprn,
        training_providers.name as training_provider_name,
        routes.training_country_id,
        countries.name as training_country_name,
        routes.degree_type_id,
        degree_types.name as degree_type_name,
        coalesce(route_subjects.training_subject_count, 0) as training_subject_count,
        route_subjects.training_subject_1,
        route_subjects.training_subject_1_reference,
        route_subjects.training_subject_2,
        route_subjects.training_subject_2_reference,
        route_subjects.training_subject_3,
        route_subjects.training_subject_3_reference,
        routes.training_age_specialism_type,
        routes.training_age_specialism_type_label,
        routes.training_age_specialism_range_from,
        routes.training_age_specialism_range_to,
        routes.is_exempt_from_induction,
        routes.is_exempt_due_to_qts_date,
        routes.source_application_user_id,
        applications.short_name as source_application_short_name,
        routes.is_migrated,
        {{ london_date('routes.created_on') }} as record_created_date,
        {{ london_date('routes.updated_on') }} as record_updated_date
    from routes
    left join standings
        on routes.person_id = standings.person_id
    left join route_subjects
        on routes.qualification_id = route_subjects.qualification_id
    left join countries
        on routes.training_country_id = countries.country_id
    left join training_providers
        on routes.training_provider_id = training_providers.training_provider_id
    left join degree_types
        on routes.degree_type_id = degree_types.degree_type_id
    left join applications
        on routes.source_application_user_id = applications.user_id

)

select * from final
