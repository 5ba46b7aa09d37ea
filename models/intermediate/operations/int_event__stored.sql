{#- Where a process or an event of the older store says why; of several the first that is there. -#}
{%- set process_reasons = ['Reason', 'NameChangeReason', 'DetailsChangeReason'] -%}
{%- set event_reasons = [
    'Reason', 'ChangeReason', 'NameChangeReason', 'DetailsChangeReason', 'CreateReason', 'AddReason', 'DeletionReason',
    'DeactivatedReason', 'RejectionReason'
] -%}
with

newer_events as (

    select * from {{ ref('stg_trs__process_events') }}

),

older_events as (

    select * from {{ ref('stg_trs__events') }}

),

processes as (

    select * from {{ ref('stg_trs__processes') }}

),

-- Every key of a payload may be missing: what is there depends on the age of the event.
newer as (

    select
        'process_events' as event_store,
        1 as store_rank,
        newer_events.process_event_id as stored_event_id,
        newer_events.event_name,
        newer_events.created_on as event_at,
        newer_events.dates_out_of_range,
        newer_events.process_id,
        {{ as_text('null') }} as column_person_id,
        lower({{ json_text('newer_events.payload', ['PersonId']) }}) as payload_person_id,
        newer_events.person_ids,
        processes.user_id as raised_by_user_id,
        lower(processes.dqt_user_id) as raised_by_dqt_user_id,
        processes.dqt_user_name as raised_by_dqt_user_name,
        {{ json_text('newer_events.payload', ['Changes']) }} as changes_text,
        lower({{ json_text('newer_events.payload', ['Email', 'EmailId']) }}) as message_id,
        coalesce(
            {%- for key in process_reasons %}
            {{ json_text('processes.change_reason', [key]) }},
            {%- endfor %}
            {{ json_text('newer_events.payload', ['RejectionReason']) }}
        ) as event_reason
    from newer_events
    left join processes
        on newer_events.process_id = processes.process_id

),

raised as (

    select
        older_events.*,
        lower({{ json_text('older_events.payload', ['RaisedBy']) }}) as raised_by,
        lower({{ json_text('older_events.payload', ['RaisedBy', 'DqtUserId']) }}) as raised_by_dqt_user_id,
        {{ json_text('older_events.payload', ['RaisedBy', 'DqtUserName']) }} as raised_by_dqt_user_name
    from older_events

),

older as (

    select
        'events' as event_store,
        2 as store_rank,
        event_id as stored_event_id,
        event_name,
        created as event_at,
        dates_out_of_range,
        {{ as_text('null') }} as process_id,
        person_id as column_person_id,
        lower({{ json_text('payload', ['PersonId']) }}) as payload_person_id,
        person_ids,
        raised_by as raised_by_user_id,
        raised_by_dqt_user_id,
        raised_by_dqt_user_name,
        {{ json_text('payload', ['Changes']) }} as changes_text,
        lower({{ json_text('payload', ['Email', 'EmailId']) }}) as message_id,
        coalesce(
            {%- for key in event_reasons %}
            {{ json_text('payload', [key]) }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as event_reason
    from raised

),

stored as (

    select * from newer
    union all
    select * from older

),

final as (

    select
        event_store,
        store_rank,
        stored_event_id,
        event_name,
        event_at,
        dates_out_of_range,
        process_id,
        column_person_id,
        payload_person_id,
        person_ids,
        raised_by_user_id,
        raised_by_dqt_user_id,
        raised_by_dqt_user_name,
        case
            when {{ regex_matches('changes_text', '^-?[0-9]{1,18}$') }}
                then cast(changes_text as {{ dbt.type_bigint() }})
        end as changes,
        message_id,
        event_reason
    from stored

)

select * from final
