with

matched as (

    select * from {{ ref('int_event__matched') }}

),

-- Where an event names a person, the surest first.
named as (

    select
        event_id,
        event_number,
        payload_person_id as person_id,
        case when is_preferred then 1 else 2 end as place
    from matched
    where payload_person_id is not null
    union all
    select
        event_id,
        event_number,
        column_person_id as person_id,
        3 as place
    from matched
    where column_person_id is not null
    union all
    select
        matched.event_id,
        matched.event_number,
        {{ array_element('listed') }} as person_id,
        4 as place
    from matched
    {{ unnested('matched.person_ids', 'listed') }}
    where {{ array_element('listed') }} is not null

),

by_person as (

    select
        event_id,
        event_number,
        person_id,
        min(place) as place
    from named
    group by event_id, event_number, person_id

),

final as (

    select
        event_id,
        event_number,
        person_id,
        -- Of several people that are only listed none is the one whom the event is about.
        place = min(place) over (partition by event_id, event_number)
        and (place < 4 or count(*) over (partition by event_id, event_number) = 1) as is_event_subject,
        count(*) over (partition by event_id, event_number) as event_person_count
    from by_person

)

select * from final
