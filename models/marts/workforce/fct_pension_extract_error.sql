with

row_errors as (

    select * from {{ ref('fct_pension_extract_row_error') }}

),

final as (

    select
        tps_csv_extract_id,
        error_bit,
        error_bit_label,
        cast(count(*) as {{ dbt.type_int() }}) as rejected_row_count
    from row_errors
    group by tps_csv_extract_id, error_bit, error_bit_label

)

select * from final
