with

people as (

    select * from {{ ref('tad_vintage_people') }}

),

restrictions as (

    select * from {{ ref('dim_live_person') }}
    where
        has_open_prohibition
        or has_open_restriction
        or has_open_section_128
        or has_open_failed_induction
        or has_open_prohibition is null
        or has_open_restriction is null
        or has_open_section_128 is null
        or has_open_failed_induction is null

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        restrictions.live_person_id,
        restrictions.has_open_prohibition,
        restrictions.has_open_restriction,
        restrictions.has_open_section_128,
        restrictions.has_open_failed_induction
    from restrictions
    inner join people
        on restrictions.live_person_id = people.live_person_id

)

select * from final
