with

routes as (

    select * from {{ ref('int_route__typed') }}
    -- One that was deleted without ever being held was a mistake, and is left out as in every other mart.
    where (not is_deleted and (route_status != 1 or route_status is null)) or (is_deleted and route_status = 1)

),

status_changes as (

    select * from {{ ref('int_route__status_changes') }}

),

outcomes as (

    select
        routes.*,
        case
            when routes.is_deleted then 'status removed'
            when routes.route_status = 0 then 'in training'
            when routes.route_status in (2, 3) then 'deferred'
            when routes.route_status = 4 then 'failed'
            when routes.route_status = 5 then 'withdrawn'
            when routes.route_status = 6 then 'under assessment'
            else coalesce({{ unknown_code('routes.route_status') }}, 'unknown')
        end as route_outcome
    from routes

),

dated as (

    select
        outcomes.*,
        status_changes.status_changed_date,
        case
            when outcomes.route_outcome in ('in training', 'deferred', 'under assessment') then 'no outcome yet'
            when outcomes.route_outcome = 'status removed' then 'deletion'
            when outcomes.route_outcome in ('failed', 'withdrawn') and outcomes.training_end_date is not null
                then 'training end date'
            when status_changes.status_changed_date is not null then 'event'
            else 'unknown'
        end as route_outcome_date_source
    from outcomes
    left join status_changes
        on
            outcomes.qualification_id = status_changes.qualification_id
            and status_changes.route_status_code = {{ as_text('outcomes.route_status') }}

),

final as (

    select
        qualification_id,
        route_outcome,
        route_outcome_date_source,
        case route_outcome_date_source
            when 'deletion' then {{ london_date('deleted_on') }}
            when 'training end date' then training_end_date
            when 'event' then status_changed_date
        end as route_outcome_date
    from dated

)

select * from final
