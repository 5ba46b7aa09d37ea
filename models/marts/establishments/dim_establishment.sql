with

establishments as (

    select * from {{ ref('stg_trs__establishments') }}

),

state_funded_types as (

    select * from {{ ref('state_funded_establishment_types') }}

),

judged as (

    select
        establishments.*,
        case establishments.establishment_status_code
            when 1 then 1
            when 3 then 2
            when 2 then 3
            when 4 then 4
            else 5
        end as status_place,
        -- Universities have no number: Teachers' Pensions' rows find those of GIAS by their postcode.
        case
            when establishments.establishment_source_id = 1 and establishments.establishment_type_code = '29'
                then upper(establishments.postcode)
        end as campus_postcode
    from establishments

),

-- Which of several establishments with one code is used for it: open, open but to close, closed, to open; then the
-- highest URN. Those that Teachers' Pensions made have neither status nor URN and come last.
ranked as (

    select
        judged.*,
        row_number() over (
            partition by judged.la_code, judged.establishment_number
            order by
                judged.status_place asc nulls last,
                judged.urn desc nulls last,
                judged.establishment_id asc nulls last
        ) as place,
        row_number() over (
            partition by judged.la_code, judged.campus_postcode
            order by
                judged.status_place asc nulls last,
                judged.urn desc nulls last,
                judged.establishment_id asc nulls last
        ) as place_of_campus
    from judged

),

final as (

    select
        ranked.establishment_id,
        ranked.urn,
        ranked.la_code,
        ranked.la_name,
        ranked.establishment_number,
        ranked.establishment_name,
        ranked.establishment_status_code,
        ranked.establishment_status_name,
        ranked.establishment_type_code,
        ranked.establishment_type_name,
        ranked.establishment_type_group_code,
        ranked.establishment_type_group_name,
        ranked.phase_of_education_code,
        ranked.phase_of_education_name,
        ranked.number_of_pupils,
        ranked.free_school_meals_percentage,
        ranked.street,
        ranked.locality,
        ranked.address3,
        ranked.town,
        ranked.county,
        ranked.postcode,
        state_funded_types.is_state_funded_school,
        ranked.establishment_source_id = 1 as is_in_gias,
        ranked.establishment_number is not null and ranked.place = 1 as is_preferred_for_code,
        ranked.campus_postcode is not null and ranked.place_of_campus = 1 as is_preferred_for_postcode,
        coalesce(ranked.establishment_status_code in (1, 3), false) as is_open_establishment
    from ranked
    -- GIAS has written codes with and without a leading zero.
    left join state_funded_types
        on ltrim(ranked.establishment_type_code, '0') = state_funded_types.establishment_type_code

)

select * from final
