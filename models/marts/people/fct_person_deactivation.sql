with

deactivations as (

    select * from {{ ref('int_person__deactivations') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

events as (

    select * from {{ ref('fct_event') }}

),

final as (

    select
        deactivations.person_id,
        standings.live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        deactivations.deactivation_kind,
        deactivations.deactivated_date,
        deactivations.deactivation_reason_source,
        deactivations.deactivation_event_id,
        deactivations.deactivation_event_number,
        events.raised_by_user_id as deactivated_by_user_id,
        case when deactivations.deactivated_date is null then 'unknown' else 'event' end as deactivated_date_source,
        coalesce(deactivations.recorded_deactivation_reason, 'unknown') as deactivation_reason,
        coalesce(events.raised_by_kind, 'unknown') as deactivated_by_kind
    from deactivations
    left join standings
        on deactivations.person_id = standings.person_id
    left join events
        on
            deactivations.deactivation_event_id = events.event_id
            and deactivations.deactivation_event_number = events.event_number

)

select * from final
