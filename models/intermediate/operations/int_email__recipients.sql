with

emails as (

    select * from {{ ref('stg_trs__emails') }}

),

events as (

    select
        message_id,
        max(payload_person_id) as person_id
    from {{ ref('int_event__stored') }}
    where event_name = 'EmailSentEvent'
    group by message_id

),

of_metadata as (

    select
        email_id as message_id,
        lower({{ json_text('metadata', ['PersonId']) }}) as person_id
    from emails

),

final as (

    select
        of_metadata.message_id,
        coalesce(of_metadata.person_id, events.person_id) as person_id,
        case
            when of_metadata.person_id is not null then 'e-mail'
            when events.person_id is not null then 'event'
            else 'unknown'
        end as person_known_from
    from of_metadata
    left join events
        on of_metadata.message_id = events.message_id

)

select * from final
