with

batches as (

    select * from {{ ref('stg_trs__integration_transactions') }}

),

-- TRS counts a duplicate by itself, whatever its status.
rows_of_files as (

    select
        integration_transaction_id,
        case when coalesce(duplicate, false) then 'duplicate' else {{ as_text('status') }} end as kind
    from {{ ref('stg_trs__integration_transaction_records') }}

),

records as (

    select
        integration_transaction_id,
        count(*) as record_count,
        sum(case when kind = '0' then 1 else 0 end) as success_record_count,
        sum(case when kind = '2' then 1 else 0 end) as warning_record_count,
        sum(case when kind = '1' then 1 else 0 end) as failure_record_count,
        sum(case when kind = 'duplicate' then 1 else 0 end) as duplicate_record_count
    from rows_of_files
    group by integration_transaction_id

),

counted as (

    select
        batches.*,
        coalesce(records.record_count, 0) as record_count,
        coalesce(records.success_record_count, 0) as success_record_count,
        coalesce(records.warning_record_count, 0) as warning_record_count,
        coalesce(records.failure_record_count, 0) as failure_record_count,
        coalesce(records.duplicate_record_count, 0) as duplicate_record_count,
        count(*) over (partition by batches.interface_type, batches.file_name) as same_name_count
    from batches
    left join records
        on batches.integration_transaction_id = records.integration_transaction_id

),

final as (

    select
        {{ as_text('integration_transaction_id') }} as file_batch_id,
        interface_type,
        interface_type_label,
        case
            when interface_type in (1, 4) then 'in'
            when interface_type in (2, 3) then 'out'
            else 'unknown'
        end as file_direction,
        case
            when interface_type = 1 then 'Wales'
            when interface_type in (2, 3, 4) then 'pensions'
            else 'unknown'
        end as file_partner,
        file_name,
        file_name is not null and same_name_count > 1 as has_same_name_as_another,
        import_status,
        import_status_label,
        created_date as batch_at,
        dates_out_of_range,
        {{ london_date('created_date') }} as batch_date,
        total_count as stated_total_count,
        success_count as stated_success_count,
        warning_count as stated_warning_count,
        failure_count as stated_failure_count,
        duplicate_count as stated_duplicate_count,
        record_count,
        success_record_count,
        warning_record_count,
        failure_record_count,
        duplicate_record_count,
        record_count - success_record_count - warning_record_count - failure_record_count - duplicate_record_count
            as other_record_count,
        coalesce(
            total_count = record_count
            and success_count = success_record_count
            and warning_count = warning_record_count
            and failure_count = failure_record_count
            and duplicate_count = duplicate_record_count,
            false
        ) as stated_counts_agree
    from counted

)

select * from final
