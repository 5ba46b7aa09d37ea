with

establishments as (

    select * from {{ ref('dim_establishment') }}

),

employed_at as (

    select establishment_id
    from {{ ref('fct_employment') }}
    group by establishment_id

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        establishments.establishment_id,
        establishments.urn,
        establishments.la_code,
        establishments.la_name,
        establishments.establishment_number,
        establishments.establishment_name,
        establishments.is_in_gias,
        establishments.is_state_funded_school,
        establishments.establishment_type_code,
        establishments.establishment_type_name,
        establishments.phase_of_education_code,
        establishments.phase_of_education_name
    from establishments
    inner join employed_at
        on establishments.establishment_id = employed_at.establishment_id

)

select * from final
