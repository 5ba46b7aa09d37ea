with

source as (

    select * from {{ replica('tps_csv_extracts') }}

),

final as (

    select
        {{ as_text('source.tps_csv_extract_id') }} as tps_csv_extract_id,
        {{ as_text('source.filename') }} as filename,
        {{ finite('source.created_on') }} as created_on,
        {{ infinite_count(['source.created_on']) }} as infinite_value_count,
        {{ original_dates(['source.created_on']) }} as dates_out_of_range
    from source

)

select * from final
