with

previous_names as (

    select * from {{ ref('stg_trs__previous_names') }}
    where not is_deleted

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

final as (

    select
        previous_names.previous_name_id,
        previous_names.person_id,
        coalesce(standings.live_person_id, previous_names.person_id) as live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        previous_names.first_name,
        previous_names.middle_name,
        previous_names.last_name,
        previous_names.dates_out_of_range,
        {{ london_date('previous_names.created_on') }} as record_created_date
    from previous_names
    left join standings
        on previous_names.person_id = standings.person_id

)

select * from final
