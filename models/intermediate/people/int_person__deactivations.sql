{#- The last event of a record's status: unless it reactivated the record, it deactivated it. -#}
with

people as (

    select
        person_id,
        case
            when merged_with_person_id is not null then 'merged'
            when date_of_death is not null or coalesce(has_infinite_date_of_death, false) then 'deceased'
            else 'other'
        end as deactivation_kind
    from {{ ref('stg_trs__persons') }}
    where status = 1

),

events as (

    select
        event_id,
        event_number,
        stored_event_id,
        event_name,
        event_at,
        event_reason,
        event_reason_source
    from {{ ref('int_event__matched') }}
    where
        is_preferred
        and event_name in (
            'PersonDeactivatedEvent', 'PersonReactivatedEvent', 'PersonStatusUpdatedEvent', 'PersonsMergedEvent'
        )

),

event_persons as (

    select * from {{ ref('int_event__persons') }}

),

-- The older store's event of a merge is about the record that was kept, and names the other one, too.
placed as (

    select
        events.*,
        event_persons.person_id,
        row_number() over (
            partition by event_persons.person_id
            order by events.event_at desc nulls last, events.event_id asc nulls last, events.event_number asc nulls last
        ) as place_from_last
    from events
    inner join event_persons
        on
            events.event_id = event_persons.event_id
            and events.event_number = event_persons.event_number
            and case when events.event_name = 'PersonsMergedEvent' then 0 else 1 end
            = case when event_persons.is_event_subject then 1 else 0 end

),

last_events as (

    select * from placed
    where place_from_last = 1

),

older_statuses as (

    select
        event_id,
        {{ json_text('payload', ['Status']) }} as status_after
    from {{ ref('stg_trs__events') }}
    where event_name = 'PersonStatusUpdatedEvent'

),

found as (

    select
        people.*,
        last_events.event_id,
        last_events.event_number,
        last_events.event_at,
        last_events.event_reason,
        last_events.event_reason_source,
        case
            when last_events.event_id is null or last_events.event_name = 'PersonReactivatedEvent' then 0
            when older_statuses.status_after = '0' then 0
            else 1
        end as is_deactivation
    from people
    left join last_events
        on people.person_id = last_events.person_id
    left join older_statuses
        on
            last_events.stored_event_id = older_statuses.event_id
            and last_events.event_name = 'PersonStatusUpdatedEvent'

),

final as (

    select
        person_id,
        deactivation_kind,
        case when is_deactivation = 1 then event_id end as deactivation_event_id,
        case when is_deactivation = 1 then event_number end as deactivation_event_number,
        case when is_deactivation = 1 then {{ london_date('event_at') }} end as deactivated_date,
        case when is_deactivation = 1 then event_reason end as recorded_deactivation_reason,
        case when is_deactivation = 1 then event_reason_source else 'unknown' end as deactivation_reason_source
    from found

)

select * from final
