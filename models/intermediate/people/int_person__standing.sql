with

people as (

    select
        person_id,
        status,
        merged_with_person_id,
        -- A date of death that is no day is one all the same.
        date_of_death is not null or coalesce(has_infinite_date_of_death, false) as is_deceased
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
        people.is_deceased,
        people.status = 0 and people.merged_with_person_id is null as is_live,
        people.status = 0 as is_active
    from people
    inner join live_persons
        on people.person_id = live_persons.person_id

)

select * from final
