with

records as (

    select * from {{ ref('stg_trs__integration_transaction_records') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

final as (

    select
        {{ as_text('records.integration_transaction_record_id') }} as file_batch_record_id,
        {{ as_text('records.integration_transaction_id') }} as file_batch_id,
        {{ london_date('records.created_date') }} as record_created_date,
        records.dates_out_of_range,
        records.status as file_record_status,
        records.status_label as file_record_status_label,
        coalesce(records.duplicate, false) as is_duplicate_record,
        case
            when records.failure_message is null then 'none'
            when records.failure_message like '%was not found%' then 'person not found'
            when records.failure_message like 'Validation failed%' then 'not valid'
            when records.failure_message like 'Attempted to update%' then 'would change the record'
            else 'other'
        end as record_message_kind,
        records.person_id,
        coalesce(standings.live_person_id, records.person_id) as live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        records.has_active_alert as had_active_alert
    from records
    left join standings
        on records.person_id = standings.person_id

)

select * from final
