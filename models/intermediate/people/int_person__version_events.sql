{#- TRS gives a change of a record and the event of it one time. -#}
with

versions as (

    select
        person_id,
        known_from,
        record_changed_at
    from {{ ref('int_person__versions') }}
    where record_changed_at is not null

),

event_persons as (

    select * from {{ ref('int_event__persons') }}

),

-- Both records of an event, either of which may have the time. Letters, notes, alerts and sign-ins change no record.
events as (

    select
        event_id,
        event_number,
        event_name,
        event_at,
        is_preferred
    from {{ ref('int_event__matched') }}
    where
        event_name like 'Person%'
        or event_name like 'RouteToProfessionalStatus%'
        or event_name like '%Induction%'
        or event_name like '%SupportTask%'
        or event_name like '%TrnRequest%'
        or event_name like 'Trn%'
        or event_name like 'DqtQtsRegistration%'

),

matched as (

    select
        versions.person_id,
        versions.known_from,
        events.event_id,
        events.event_number,
        row_number() over (
            partition by versions.person_id, versions.known_from
            order by
                case when event_persons.is_event_subject then 0 else 1 end nulls last,
                case when events.event_name like 'Person%' then 0 else 1 end nulls last,
                case when events.is_preferred then 0 else 1 end nulls last,
                events.event_id nulls last,
                events.event_number nulls last
        ) as place
    from versions
    inner join event_persons
        on versions.person_id = event_persons.person_id
    inner join events
        on
            event_persons.event_id = events.event_id
            and event_persons.event_number = events.event_number
            and versions.record_changed_at = events.event_at

),

final as (

    select
        person_id,
        known_from,
        event_id,
        event_number
    from matched
    where place = 1

)

select * from final
