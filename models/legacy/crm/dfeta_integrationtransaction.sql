with

integration_transactions as (

    select * from {{ ref('stg_trs__integration_transactions') }}

),

interfaces as (

    {{ legacy_codes('interface') }}

),

commit_times as (

    {{ commit_times_of('integration_transactions') }}

),

final as (

    select
        {{ as_text('integration_transactions.integration_transaction_id') }} as id,
        {{ as_text('integration_transactions.integration_transaction_id') }} as dfeta_id,
        {{ legacy_code('integration_transactions.interface_type', 'interfaces') }} as dfeta_interface,
        integration_transactions.file_name as dfeta_filename,
        {{ old_datetime('integration_transactions.created_date') }} as dfeta_startdate,
        integration_transactions.total_count as dfeta_totalcount,
        integration_transactions.success_count as dfeta_successcount,
        integration_transactions.failure_count as dfeta_failurecount,
        integration_transactions.duplicate_count as dfeta_duplicatecount,
        {{ old_datetime('integration_transactions.created_date') }} as createdon,
        {{ legacy_state('false') }},
        {{ legacy_times('dfeta_integrationtransaction') }}
    from integration_transactions
    left join interfaces
        on interfaces.trs_value = {{ as_text('integration_transactions.interface_type') }}
    left join commit_times
        on {{ as_text('integration_transactions.integration_transaction_id') }} = commit_times.replica_key

)

select * from final
