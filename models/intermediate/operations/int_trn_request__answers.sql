with

process_events as (

    select * from {{ ref('stg_trs__process_events') }}
    where event_name = 'TrnRequestUpdatedEvent'

),

final as (

    select
        process_event_id as event_id,
        created_on as request_answer_at,
        lower({{ json_text('payload', ['SourceApplicationUserId']) }}) as application_user_id,
        {{ json_text('payload', ['RequestId']) }} as trn_request_id,
        {{ json_text('payload', ['TrnRequest', 'Status']) }} as request_status_code,
        {{ json_text('payload', ['OldTrnRequest', 'Status']) }} as request_old_status_code
    from process_events

)

select * from final
