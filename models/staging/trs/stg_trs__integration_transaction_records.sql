with

source as (

    select * from {{ replica('integration_transaction_records') }}

),

integration_transaction_record_status_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'IntegrationTransactionRecordStatus'

),

final as (

    select
        source.integration_transaction_record_id,
        {{ as_text('source.failure_message') }} as failure_message,
        {{ as_text('source.person_id') }} as person_id,
        source.duplicate,
        source.status,
        {{ label_of('source.status', 'integration_transaction_record_status_labels') }} as status_label,
        {{ finite('source.created_date') }} as created_date,
        source.integration_transaction_id,
        source.has_active_alert,
        {{ infinite_count(['source.created_date']) }} as infinite_value_count,
        {{ original_dates(['source.created_date']) }} as dates_out_of_range
    from source
    left join integration_transaction_record_status_labels
        on integration_transaction_record_status_labels.code = {{ as_text('source.status') }}

)

select * from final
