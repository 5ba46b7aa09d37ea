with

held_routes as (

    select * from {{ ref('int_route__held') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

-- The route with the earliest date awards the status; among routes of one day (or EYPS, which has no date) the one
-- recorded first.
ranked as (

    select
        held_routes.*,
        row_number() over (
            partition by held_routes.person_id, held_routes.professional_status
            order by
                held_routes.holds_from nulls last,
                held_routes.created_on nulls last,
                held_routes.qualification_id nulls last
        ) as place,
        count(*) over (partition by held_routes.person_id, held_routes.professional_status) as route_count
    from held_routes

),

final as (

    select
        ranked.person_id,
        ranked.professional_status,
        ranked.professional_status_type_label as professional_status_name,
        coalesce(standings.live_person_id, ranked.person_id) as live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        ranked.holds_from as awarded_date,
        ranked.dates_out_of_range,
        coalesce(ranked.holds_from > {{ as_at_date() }}, false) as is_awarded_in_future,
        ranked.qualification_id as awarding_qualification_id,
        ranked.route_type_id,
        ranked.route_type_name,
        ranked.award_group,
        ranked.is_qtls,
        cast(ranked.route_count as {{ dbt.type_int() }}) as held_route_count
    from ranked
    left join standings
        on ranked.person_id = standings.person_id
    where ranked.place = 1

)

select * from final
