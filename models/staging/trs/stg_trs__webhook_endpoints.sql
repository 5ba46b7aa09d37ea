with

source as (

    select * from {{ source('trs', 'webhook_endpoints') }}

),

final as (

    select
        {{ as_text('source.webhook_endpoint_id') }} as webhook_endpoint_id,
        {{ as_text('source.application_user_id') }} as application_user_id,
        {{ as_text('source.api_version') }} as api_version,
        {{ as_text_array('source.cloud_event_types') }} as cloud_event_types,
        source.enabled,
        {{ finite('source.created_on') }} as created_on,
        {{ finite('source.updated_on') }} as updated_on,
        {{ finite('source.deleted_on') }} as deleted_on,
        source.deleted_on is not null as is_deleted,
        {{ infinite_count([
            'source.created_on',
            'source.updated_on',
            'source.deleted_on'
        ]) }} as infinite_value_count
    from source

)

select * from final
