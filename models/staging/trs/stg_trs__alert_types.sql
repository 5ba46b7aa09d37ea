with

source as (

    select * from {{ replica('alert_types') }}

),

final as (

    select
        {{ as_text('source.alert_type_id') }} as alert_type_id,
        {{ as_text('source.alert_category_id') }} as alert_category_id,
        {{ as_text('source.name') }} as name,
        {{ as_text('source.dqt_sanction_code') }} as dqt_sanction_code,
        source.internal_only,
        source.is_active,
        source.display_order
    from source

)

select * from final
