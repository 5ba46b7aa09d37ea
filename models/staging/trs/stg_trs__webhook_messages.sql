with

source as (

    select * from {{ source('trs', 'webhook_messages') }}

),

final as (

    select
        {{ as_text('source.webhook_message_id') }} as webhook_message_id,
        {{ as_text('source.webhook_endpoint_id') }} as webhook_endpoint_id,
        {{ as_text('source.cloud_event_id') }} as cloud_event_id,
        {{ as_text('source.cloud_event_type') }} as cloud_event_type,
        {{ finite('source.' ~ adapter.quote('timestamp')) }} as message_timestamp,
        {{ as_text('source.api_version') }} as api_version,
        source.data,
        {{ finite('source.next_delivery_attempt') }} as next_delivery_attempt,
        {{ finite('source.delivered') }} as delivered,
        source.delivery_attempts,
        {{ as_text_array('source.delivery_errors') }} as delivery_errors,
        {{ as_text_array('source.failed_requests') }} as failed_requests,
        {{ infinite_count([
            'source.' ~ adapter.quote('timestamp'),
            'source.next_delivery_attempt',
            'source.delivered'
        ]) }} as infinite_value_count
    from source

)

select * from final
