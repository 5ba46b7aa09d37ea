with

people as (

    select
        person_id,
        status,
        merged_with_person_id,
        date_of_death
    from {{ ref('stg_trs__persons') }}

),

live_persons as (

    select
        person_id,
        live_person_id,
        merge_chain
    from {{ ref('int_person__live') }}

),

final as (

    select
        people.person_id,
        live_persons.live_person_id,
        live_persons.merge_chain,
        people.status = 0 and people.merged_with_person_id is null as is_live,
        people.status = 0 as is_active,
        people.date_of_death is not null as is_deceased
    from people
    inner join live_persons
        on people.person_id = live_persons.person_id

)

select * from final
