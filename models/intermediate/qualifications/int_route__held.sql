with

routes as (

    select * from {{ ref('int_route__typed') }}

),

final as (

    select
        qualification_id,
        person_id,
        route_type_id,
        route_type_name,
        professional_status_type,
        professional_status_type_label,
        professional_status,
        award_group,
        is_qtls,
        holds_from,
        is_exempt_from_induction,
        is_exempt_due_to_qts_date,
        induction_exemption_reason_id,
        created_on,
        dates_out_of_range
    from routes
    where is_held

)

select * from final
