with

rejected as (

    select
        tps_csv_extract_load_item_id,
        tps_csv_extract_id,
        error_bits
    from {{ ref('fct_pension_extract_row') }}
    where is_rejected

),

bits as (

    {% for place in range(31) -%}
    select {{ 2 ** place }} as error_bit{{ ' union all' if not loop.last }}
    {% endfor %}

),

error_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'TpsCsvExtractItemLoadErrors'

),

final as (

    select
        rejected.tps_csv_extract_load_item_id,
        rejected.tps_csv_extract_id,
        bits.error_bit,
        {{ label_of('bits.error_bit', 'error_labels') }} as error_bit_label
    from rejected
    inner join bits
        on mod(div(rejected.error_bits, bits.error_bit), 2) = 1
    left join error_labels
        on error_labels.code = {{ as_text('bits.error_bit') }}

)

select * from final
