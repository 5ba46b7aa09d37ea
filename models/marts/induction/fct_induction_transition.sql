with

transitions as (

    select * from {{ ref('int_induction__transitions') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

final as (

    select
        transitions.transition_id,
        transitions.person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        transitions.induction_status_before,
        transitions.induction_status_after,
        transitions.transition_date,
        transitions.transition_date_source,
        transitions.transition_source,
        transitions.transition_event_name,
        coalesce(standings.live_person_id, transitions.person_id) as live_person_id
    from transitions
    left join standings
        on transitions.person_id = standings.person_id

)

select * from final
