with

source as (

    select * from {{ replica('tps_csv_extract_load_items') }}

),

final as (

    select
        {{ as_text('source.tps_csv_extract_load_item_id') }} as tps_csv_extract_load_item_id,
        {{ as_text('source.tps_csv_extract_id') }} as tps_csv_extract_id,
        {{ as_text('source.trn') }} as trn,
        {{ as_text('source.local_authority_code') }} as local_authority_code,
        {{ as_text('source.establishment_number') }} as establishment_number,
        {{ as_text('source.member_id') }} as member_id,
        {{ as_text('source.employment_start_date') }} as employment_start_date,
        {{ as_text('source.employment_end_date') }} as employment_end_date,
        {{ as_text('source.full_or_part_time_indicator') }} as full_or_part_time_indicator,
        {{ as_text('source.withdrawal_indicator') }} as withdrawal_indicator,
        {{ as_text('source.extract_date') }} as extract_date,
        {{ finite('source.created') }} as created,
        source.errors,
        {{ infinite_count(['source.created']) }} as infinite_value_count,
        {{ original_dates(['source.created']) }} as dates_out_of_range
    from source

)

select * from final
