with

identifiers as (

    select * from {{ ref('int_person__identifiers_seen') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

-- In all places together: what was there once, and whether it is anywhere now.
marked as (

    select
        identifiers.*,
        max(case when identifiers.is_present_identifier then 1 else 0 end) over (
            partition by
                identifiers.identified_person_id, identifiers.identifier_type, identifiers.identifier_value
        ) as is_anywhere_now,
        max(
            case
                when
                    identifiers.seen_in in ('person record before', 'event, before a change', 'deleted route')
                    then 1
                else 0
            end
        ) over (
            partition by
                identifiers.identified_person_id, identifiers.identifier_type, identifiers.identifier_value
        ) as was_anywhere_once
    from identifiers

),

final as (

    select
        marked.identified_person_id as person_id,
        marked.identifier_type,
        marked.identifier_value,
        marked.seen_in,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        marked.first_seen_date,
        marked.last_seen_date,
        marked.is_present_identifier,
        marked.is_anywhere_now = 0 and marked.was_anywhere_once = 1 as is_replaced_identifier,
        coalesce(standings.live_person_id, marked.identified_person_id) as live_person_id
    from marked
    left join standings
        on marked.identified_person_id = standings.person_id

)

select * from final
