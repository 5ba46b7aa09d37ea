with

events as (

    select * from {{ ref('int_event__unified') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

users as (

    select * from {{ ref('int_user__acting') }}

),

dqt_users as (

    select * from {{ ref('int_user__acting') }}
    where stands_for_dqt_user

),

final as (

    select
        events.event_id,
        events.event_number,
        events.event_stores,
        events.event_name,
        events.older_event_name,
        events.older_event_id,
        events.event_at,
        events.dates_out_of_range,
        {{ london_date('events.event_at') }} as event_date,
        events.process_id,
        events.person_id,
        coalesce(standings.live_person_id, events.person_id) as live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        events.event_person_count,
        {{ raised_by_kind('users', 'dqt_users', 'events.raised_by_dqt_user_id') }} as raised_by_kind,
        coalesce(events.raised_by_user_id, dqt_users.user_id) as raised_by_user_id,
        events.raised_by_dqt_user_id,
        events.event_reason,
        events.event_reason_source,
        events.is_known_event_name,
        events.lacks_person,
        events.lacks_changes,
        events.lacks_raised_by,
        events.has_id_of_another,
        events.has_differing_records
    from events
    left join standings
        on events.person_id = standings.person_id
    left join users
        on events.raised_by_user_id = users.user_id
    left join dqt_users
        on events.raised_by_dqt_user_id = dqt_users.dqt_user_id

)

select * from final
