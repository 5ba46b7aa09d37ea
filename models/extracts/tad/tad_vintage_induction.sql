with

people as (

    select * from {{ ref('tad_vintage_people') }}

),

inductions as (

    select * from {{ ref('dim_live_person') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        inductions.live_person_id,
        inductions.induction_status,
        {{ deliverable_date('inductions.induction_start_date') }} as induction_start_date,
        {{ deliverable_date('inductions.induction_completed_date') }} as induction_completed_date
    from inductions
    inner join people
        on inductions.live_person_id = people.live_person_id

)

select * from final
