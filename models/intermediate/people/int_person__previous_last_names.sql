with

people as (

    select
        person_id,
        last_name,
        merged_with_person_id
    from {{ ref('stg_trs__persons') }}

),

standings as (

    select
        person_id,
        live_person_id
    from {{ ref('int_person__standing') }}

),

previous_names as (

    select
        person_id,
        last_name
    from {{ ref('stg_trs__previous_names') }}
    where not is_deleted

),

-- A merged record may carry a name that the live record never had.
earlier as (

    select
        standings.live_person_id,
        previous_names.last_name
    from previous_names
    inner join standings
        on previous_names.person_id = standings.person_id
    union distinct
    select
        standings.live_person_id,
        people.last_name
    from people
    inner join standings
        on people.person_id = standings.person_id
    where people.merged_with_person_id is not null

),

final as (

    select
        earlier.live_person_id,
        {{ listed_text('earlier.last_name') }} as previous_last_names
    from earlier
    inner join people
        on earlier.live_person_id = people.person_id
    where
        earlier.last_name != ''
        and lower(earlier.last_name) != lower(people.last_name)
    group by earlier.live_person_id

)

select * from final
