with

people as (

    select * from {{ ref('tad_vintage_people') }}

),

awards as (

    select * from {{ ref('fct_professional_status_award') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        awards.live_person_id,
        awards.professional_status,
        {{ deliverable_date('awards.awarded_date') }} as awarded_date,
        awards.awarding_qualification_id,
        awards.is_qtls,
        awards.held_route_count
    from awards
    inner join people
        on awards.live_person_id = people.live_person_id

)

select * from final
