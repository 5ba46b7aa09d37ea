with

routes as (

    select * from {{ ref('int_route__typed') }}
    where is_qtls and route_status = 1

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

final as (

    select
        routes.qualification_id,
        routes.person_id,
        coalesce(standings.live_person_id, routes.person_id) as live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        routes.holds_from as qtls_from_date,
        routes.dates_out_of_range,
        case when routes.is_deleted then {{ london_date('routes.deleted_on') }} end as qtls_to_date,
        case when routes.is_deleted then 'deletion of the route' else 'not ended' end as qtls_to_date_source,
        not routes.is_deleted as is_qtls_current,
        coalesce(routes.is_deleted and {{ london_date('routes.deleted_on') }} < routes.holds_from, false)
            as has_qtls_end_before_start
    from routes
    left join standings
        on routes.person_id = standings.person_id

)

select * from final
