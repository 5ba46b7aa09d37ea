with

event_persons as (

    select * from {{ ref('int_event__persons') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

final as (

    select
        event_persons.event_id,
        event_persons.event_number,
        event_persons.person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        event_persons.is_event_subject,
        coalesce(standings.live_person_id, event_persons.person_id) as live_person_id
    from event_persons
    left join standings
        on event_persons.person_id = standings.person_id

)

select * from final
