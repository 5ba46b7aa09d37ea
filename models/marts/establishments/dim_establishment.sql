with

establishments as (

    select * from {{ ref('stg_trs__establishments') }}

),

-- Which of several establishments with one code is used for it: open, open but to close, closed, to open; then the
-- highest URN. Those that Teachers' Pensions made have neither status nor URN and come last.
ranked as (

    select
        establishments.*,
        row_number() over (
            partition by establishments.la_code, establishments.establishment_number
            order by
                case establishments.establishment_status_code
                    when 1 then 1
                    when 3 then 2
                    when 2 then 3
                    when 4 then 4
                    else 5
                end asc nulls last,
                coalesce(establishments.urn, -1) desc nulls last,
                establishments.establishment_id asc nulls last
        ) as place
    from establishments

),

final as (

    select
        establishment_id,
        urn,
        la_code,
        la_name,
        establishment_number,
        establishment_name,
        establishment_status_code,
        establishment_status_name,
        establishment_type_code,
        establishment_type_name,
        establishment_type_group_code,
        establishment_type_group_name,
        phase_of_education_code,
        phase_of_education_name,
        number_of_pupils,
        free_school_meals_percentage,
        street,
        locality,
        address3,
        town,
        county,
        postcode,
        establishment_source_id = 1 as is_in_gias,
        establishment_number is not null and place = 1 as is_preferred_for_code,
        coalesce(establishment_status_code in (1, 3), false) as is_open_establishment
    from ranked

)

select * from final
