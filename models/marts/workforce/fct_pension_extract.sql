with

extracts as (

    select * from {{ ref('int_pension_extract__dated') }}

),

extract_rows as (

    select
        tps_csv_extract_id,
        count(*) as row_count,
        sum(case when is_rejected then 1 else 0 end) as rejected_row_count,
        sum(case when tps_csv_extract_item_id is not null then 1 else 0 end) as loaded_row_count,
        sum(case when row_outcome = 'added' then 1 else 0 end) as added_row_count,
        sum(case when row_outcome = 'updated' then 1 else 0 end) as updated_row_count,
        sum(case when row_outcome = 'no change' then 1 else 0 end) as unchanged_row_count,
        sum(case when row_outcome = 'TRN unknown' then 1 else 0 end) as unknown_trn_row_count,
        sum(case when row_outcome = 'establishment unknown' then 1 else 0 end) as unknown_establishment_row_count,
        sum(case when row_outcome = 'not processed' then 1 else 0 end) as unprocessed_row_count,
        sum(case when has_repeated_key and not is_counted_for_key then 1 else 0 end) as repeated_row_count,
        sum(case when is_withdrawn then 1 else 0 end) as withdrawn_row_count
    from {{ ref('fct_pension_extract_row') }}
    group by tps_csv_extract_id

),

final as (

    select
        extracts.tps_csv_extract_id,
        extracts.extract_file_name,
        extracts.file_extract_date,
        {{ calendar_month('extracts.file_extract_date') }} as file_extract_month,
        {{ london_date('extracts.loaded_on') }} as file_loaded_date,
        extracts.dates_out_of_range,
        cast(coalesce(extract_rows.row_count, 0) as {{ dbt.type_int() }}) as file_row_count,
        cast(coalesce(extract_rows.loaded_row_count, 0) as {{ dbt.type_int() }}) as loaded_row_count,
        cast(coalesce(extract_rows.rejected_row_count, 0) as {{ dbt.type_int() }}) as rejected_row_count,
        cast(coalesce(extract_rows.added_row_count, 0) as {{ dbt.type_int() }}) as added_row_count,
        cast(coalesce(extract_rows.updated_row_count, 0) as {{ dbt.type_int() }}) as updated_row_count,
        cast(coalesce(extract_rows.unchanged_row_count, 0) as {{ dbt.type_int() }}) as unchanged_row_count,
        cast(coalesce(extract_rows.unknown_trn_row_count, 0) as {{ dbt.type_int() }}) as unknown_trn_row_count,
        cast(coalesce(extract_rows.unknown_establishment_row_count, 0) as {{ dbt.type_int() }})
            as unknown_establishment_row_count,
        cast(coalesce(extract_rows.unprocessed_row_count, 0) as {{ dbt.type_int() }}) as unprocessed_row_count,
        cast(coalesce(extract_rows.repeated_row_count, 0) as {{ dbt.type_int() }}) as repeated_row_count,
        cast(coalesce(extract_rows.withdrawn_row_count, 0) as {{ dbt.type_int() }}) as withdrawn_row_count
    from extracts
    left join extract_rows
        on extracts.tps_csv_extract_id = extract_rows.tps_csv_extract_id

)

select * from final
