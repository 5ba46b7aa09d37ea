with

people as (

    select * from {{ ref('tad_vintage_people') }}

),

records as (

    select * from {{ ref('dim_person') }}
    where is_merged

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        records.person_id,
        records.live_person_id,
        records.trn
    from records
    inner join people
        on records.live_person_id = people.live_person_id

)

select * from final
