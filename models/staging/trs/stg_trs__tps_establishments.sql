with

source as (

    select * from {{ replica('tps_establishments') }}

),

final as (

    select
        {{ as_text('source.tps_establishment_id') }} as tps_establishment_id,
        {{ as_trimmed_text('source.la_code') }} as la_code,
        {{ as_trimmed_text('source.establishment_code') }} as establishment_code,
        {{ as_text('source.employers_name') }} as employers_name,
        {{ as_text('source.school_gias_name') }} as school_gias_name,
        {{ finite('source.school_closed_date') }} as school_closed_date,
        {{ is_infinite('source.school_closed_date') }} as has_infinite_school_closed_date,
        {{ infinite_count(['source.school_closed_date']) }} as infinite_value_count,
        {{ original_dates(['source.school_closed_date']) }} as dates_out_of_range
    from source

)

select * from final
