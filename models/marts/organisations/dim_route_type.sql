with

route_types as (

    select * from {{ ref('stg_trs__route_to_professional_status_types') }}

),

route_type_groups as (

    select * from {{ ref('route_type_groups') }}

),

final as (

    select
        route_types.route_to_professional_status_type_id as route_type_id,
        route_types.name as route_type_name,
        route_types.professional_status_type,
        route_types.professional_status_type_label,
        route_type_groups.is_qtls,
        route_type_groups.is_overseas_recognition,
        route_type_groups.is_early_years_itt,
        route_types.is_active as is_active_route_type,
        route_types.induction_exemption_reason_id,
        coalesce(route_type_groups.award_group, 'Not grouped') as award_group,
        coalesce(
            {{ is_in_published_awards(
                "case route_types.professional_status_type when 0 then 'QTS' end", 'route_type_groups.award_group'
            ) }},
            false
        ) as is_in_published_total
    from route_types
    left join route_type_groups
        on route_types.route_to_professional_status_type_id = route_type_groups.route_type_id

)

select * from final
