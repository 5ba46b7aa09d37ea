with

routes as (

    select * from {{ ref('fct_route') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        qualification_id,
        person_id,
        live_person_id,
        route_type_name,
        award_group,
        professional_status,
        route_status_label,
        is_held,
        {{ deliverable_date('holds_from') }} as holds_from,
        {{ deliverable_date('training_start_date') }} as training_start_date,
        {{ deliverable_date('training_end_date') }} as training_end_date,
        training_provider_ukprn,
        training_provider_name,
        training_country_name,
        degree_type_name,
        training_subject_1,
        training_subject_2,
        training_subject_3,
        training_age_specialism_range_from,
        training_age_specialism_range_to,
        is_exempt_from_induction,
        {{ deliverable_date('record_created_date') }} as record_created_date
    from routes

)

select * from final
