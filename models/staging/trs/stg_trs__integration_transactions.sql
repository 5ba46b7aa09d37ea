with

source as (

    select * from {{ replica('integration_transactions') }}

),

integration_transaction_interface_type_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'IntegrationTransactionInterfaceType'

),

integration_transaction_import_status_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'IntegrationTransactionImportStatus'

),

final as (

    select
        source.integration_transaction_id,
        source.interface_type,
        {{ label_of(
            'source.interface_type',
            'integration_transaction_interface_type_labels'
        ) }} as interface_type_label,
        source.import_status,
        {{ label_of('source.import_status', 'integration_transaction_import_status_labels') }} as import_status_label,
        source.total_count,
        source.success_count,
        source.warning_count,
        source.failure_count,
        source.duplicate_count,
        {{ as_text('source.file_name') }} as file_name,
        {{ finite('source.created_date') }} as created_date,
        {{ infinite_count(['source.created_date']) }} as infinite_value_count,
        {{ original_dates(['source.created_date']) }} as dates_out_of_range
    from source
    left join integration_transaction_interface_type_labels
        on integration_transaction_interface_type_labels.code = {{ as_text('source.interface_type') }}
    left join integration_transaction_import_status_labels
        on integration_transaction_import_status_labels.code = {{ as_text('source.import_status') }}

)

select * from final
