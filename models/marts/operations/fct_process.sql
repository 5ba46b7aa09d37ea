with

processes as (

    select * from {{ ref('stg_trs__processes') }}

),

process_events as (

    select
        process_id,
        count(*) as process_event_count
    from {{ ref('stg_trs__process_events') }}
    group by process_id

),

users as (

    select * from {{ ref('int_user__acting') }}

),

dqt_users as (

    select * from {{ ref('int_user__acting') }}
    where stands_for_dqt_user

),

listed_persons as (

    select distinct
        processes.process_id,
        {{ array_element('listed') }} as person_id
    from processes
    {{ unnested('processes.person_ids', 'listed') }}

),

persons as (

    select
        process_id,
        count(*) as process_person_count
    from listed_persons
    group by process_id

),

final as (

    select
        processes.process_id,
        processes.process_type,
        processes.process_type_label,
        processes.created_on as process_at,
        processes.dates_out_of_range,
        {{ london_date('processes.created_on') }} as process_date,
        {{ raised_by_kind('users', 'dqt_users', 'processes.dqt_user_id') }} as raised_by_kind,
        coalesce(processes.user_id, dqt_users.user_id) as raised_by_user_id,
        lower(processes.dqt_user_id) as raised_by_dqt_user_id,
        {{ json_text('processes.change_reason', ['Reason']) }} as process_reason,
        coalesce(process_events.process_event_count, 0) as process_event_count,
        coalesce(persons.process_person_count, 0) as process_person_count
    from processes
    left join process_events
        on processes.process_id = process_events.process_id
    left join persons
        on processes.process_id = persons.process_id
    left join users
        on processes.user_id = users.user_id
    left join dqt_users
        on lower(processes.dqt_user_id) = dqt_users.dqt_user_id

)

select * from final
