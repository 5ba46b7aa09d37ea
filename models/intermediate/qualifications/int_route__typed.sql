with

qualifications as (

    select * from {{ ref('stg_trs__qualifications') }}
    where qualification_type = 1

),

route_types as (

    select * from {{ ref('stg_trs__route_to_professional_status_types') }}

),

route_type_groups as (

    select * from {{ ref('route_type_groups') }}

),

final as (

    select
        qualifications.qualification_id,
        qualifications.person_id,
        qualifications.route_to_professional_status_type_id as route_type_id,
        route_types.name as route_type_name,
        route_types.professional_status_type,
        route_types.professional_status_type_label,
        case
            when route_types.professional_status_type = 0 then 'QTS'
            when route_types.professional_status_type = 1 then 'EYTS'
            when route_types.professional_status_type = 2 then 'EYPS'
            when route_types.professional_status_type = 3 then 'PQTS'
            -- Of a type that is not here: the route is kept, and a test lists it.
            when route_types.professional_status_type is null then 'unknown'
            else {{ unknown_code('route_types.professional_status_type') }}
        end as professional_status,
        coalesce(route_type_groups.award_group, 'Not grouped') as award_group,
        coalesce(route_type_groups.is_qtls, false) as is_qtls,
        coalesce(route_type_groups.is_overseas_recognition, false) as is_overseas_recognition,
        coalesce(route_type_groups.is_early_years_itt, false) as is_early_years_itt,
        qualifications.status as route_status,
        qualifications.status_label as route_status_label,
        qualifications.holds_from,
        qualifications.is_deleted,
        qualifications.deleted_on,
        -- The one definition of holding a professional status: status 1 on a route that is not deleted.
        qualifications.status = 1 and not qualifications.is_deleted as is_held,
        qualifications.training_start_date,
        qualifications.training_end_date,
        qualifications.training_age_specialism_type,
        qualifications.training_age_specialism_type_label,
        qualifications.training_age_specialism_range_from,
        qualifications.training_age_specialism_range_to,
        qualifications.training_country_id,
        qualifications.training_provider_id,
        qualifications.degree_type_id,
        coalesce(qualifications.exempt_from_induction, false) as is_exempt_from_induction,
        -- Old routes may lack the flag: the rule then decides. QTS held from before 7 May 2000 exempts.
        coalesce(
            qualifications.exempt_from_induction_due_to_qts_date,
            route_types.professional_status_type = 0
            and qualifications.status = 1
            and qualifications.holds_from < {{ induction_exemption_cut_off() }},
            false
        ) as is_exempt_due_to_qts_date,
        qualifications.exempt_from_induction_due_to_qts_date as recorded_exempt_due_to_qts_date,
        qualifications.dates_out_of_range,
        route_types.induction_exemption_reason_id,
        qualifications.source_application_user_id,
        qualifications.dqt_initial_teacher_training_id is not null
        or qualifications.dqt_qts_registration_id is not null as is_migrated,
        qualifications.created_on,
        qualifications.updated_on
    from qualifications
    left join route_types
        on qualifications.route_to_professional_status_type_id = route_types.route_to_professional_status_type_id
    left join route_type_groups
        on qualifications.route_to_professional_status_type_id = route_type_groups.route_type_id

)

select * from final
