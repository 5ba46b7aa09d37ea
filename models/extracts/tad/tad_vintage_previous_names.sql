with

people as (

    select * from {{ ref('tad_vintage_people') }}

),

names as (

    select * from {{ ref('fct_person_name') }}
    where not is_present_name or not is_live

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        names.person_id,
        names.name_number,
        names.live_person_id,
        names.first_name,
        names.middle_name,
        names.last_name,
        {{ deliverable_date('names.name_from_date') }} as name_from_date,
        names.name_from_date_source,
        {{ deliverable_date('names.name_to_date') }} as name_to_date,
        names.name_to_date_source
    from names
    inner join people
        on names.live_person_id = people.live_person_id

)

select * from final
