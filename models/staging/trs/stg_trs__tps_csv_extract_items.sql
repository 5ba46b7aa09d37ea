with

source as (

    select * from {{ replica('tps_csv_extract_items') }}

),

employment_type_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'EmploymentType'

),

tps_csv_extract_item_result_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'TpsCsvExtractItemResult'

),

final as (

    select
        {{ as_text('source.tps_csv_extract_item_id') }} as tps_csv_extract_item_id,
        {{ as_text('source.tps_csv_extract_id') }} as tps_csv_extract_id,
        {{ as_text('source.tps_csv_extract_load_item_id') }} as tps_csv_extract_load_item_id,
        {{ as_trimmed_text('source.trn') }} as trn,
        {{ as_trimmed_text('source.national_insurance_number') }} as national_insurance_number,
        {{ as_trimmed_text('source.local_authority_code') }} as local_authority_code,
        {{ as_trimmed_text('source.establishment_number') }} as establishment_number,
        source.member_id,
        {{ finite('source.employment_start_date') }} as employment_start_date,
        {{ finite('source.employment_end_date') }} as employment_end_date,
        source.employment_type,
        {{ label_of('source.employment_type', 'employment_type_labels') }} as employment_type_label,
        {{ as_trimmed_text('source.withdrawal_indicator') }} as withdrawal_indicator,
        {{ finite('source.extract_date') }} as extract_date,
        {{ finite('source.created') }} as created,
        source.result,
        {{ label_of('source.result', 'tps_csv_extract_item_result_labels') }} as result_label,
        {{ as_text('source.' ~ adapter.quote('key')) }} as employment_key,
        {{ infinite_count([
            'source.employment_start_date',
            'source.employment_end_date',
            'source.extract_date',
            'source.created'
        ]) }} as infinite_value_count,
        {{ original_dates([
            'source.employment_start_date',
            'source.employment_end_date',
            'source.extract_date',
            'source.created'
        ]) }} as dates_out_of_range
    from source
    left join employment_type_labels
        on employment_type_labels.code = {{ as_text('source.employment_type') }}
    left join tps_csv_extract_item_result_labels
        on tps_csv_extract_item_result_labels.code = {{ as_text('source.result') }}

)

select * from final
