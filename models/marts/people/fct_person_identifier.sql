with

identifiers as (

    select * from {{ ref('int_person__identifiers_seen') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

final as (

    select
        identifiers.identified_person_id as person_id,
        identifiers.identifier_type,
        identifiers.identifier_value,
        identifiers.seen_in,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        identifiers.first_seen_date,
        identifiers.last_seen_date,
        identifiers.is_present_identifier,
        coalesce(standings.live_person_id, identifiers.identified_person_id) as live_person_id
    from identifiers
    left join standings
        on identifiers.identified_person_id = standings.person_id

)

select * from final
