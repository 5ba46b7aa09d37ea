with

used as (

    select
        route_status,
        route_status_label
    from {{ ref('fct_route') }}
    group by route_status, route_status_label

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        route_status,
        route_status_label
    from used

)

select * from final
