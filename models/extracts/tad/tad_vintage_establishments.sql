with

listed as (

    select * from {{ ref('dim_establishment') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        establishment_id,
        urn,
        la_code,
        la_name,
        establishment_number,
        establishment_name,
        is_in_gias,
        is_state_funded_school,
        establishment_type_code,
        establishment_type_name,
        phase_of_education_code,
        phase_of_education_name
    from listed

)

select * from final
