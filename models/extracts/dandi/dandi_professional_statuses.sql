with

statuses as (

    select * from {{ ref('fct_professional_status') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        person_id,
        professional_status,
        live_person_id,
        is_live,
        professional_status_name,
        {{ deliverable_date('awarded_date') }} as awarded_date,
        is_awarded_in_future,
        awarding_qualification_id,
        route_type_name,
        award_group,
        is_qtls,
        held_route_count
    from statuses

)

select * from final
