with

listed as (

    select * from {{ ref('dim_route_type') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        route_type_id,
        route_type_name,
        award_group,
        is_qtls,
        is_overseas_recognition,
        is_early_years_itt,
        is_active_route_type,
        is_in_published_total
    from listed

)

select * from final
