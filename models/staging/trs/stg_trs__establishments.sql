with

source as (

    select * from {{ replica('establishments') }}

),

final as (

    select
        {{ as_text('source.establishment_id') }} as establishment_id,
        source.establishment_source_id,
        source.urn,
        {{ as_trimmed_text('source.la_code') }} as la_code,
        {{ as_text('source.la_name') }} as la_name,
        {{ as_trimmed_text('source.establishment_number') }} as establishment_number,
        {{ as_text('source.establishment_name') }} as establishment_name,
        {{ as_text('source.establishment_type_code') }} as establishment_type_code,
        {{ as_text('source.establishment_type_name') }} as establishment_type_name,
        source.establishment_type_group_code,
        {{ as_text('source.establishment_type_group_name') }} as establishment_type_group_name,
        source.establishment_status_code,
        {{ as_text('source.establishment_status_name') }} as establishment_status_name,
        source.phase_of_education_code,
        {{ as_text('source.phase_of_education_name') }} as phase_of_education_name,
        source.number_of_pupils,
        source.free_school_meals_percentage,
        {{ as_text('source.street') }} as street,
        {{ as_text('source.locality') }} as locality,
        {{ as_text('source.address3') }} as address3,
        {{ as_text('source.town') }} as town,
        {{ as_text('source.county') }} as county,
        {{ as_text('source.postcode') }} as postcode
    from source

)

select * from final
