with

previous_names as (

    select * from {{ ref('stg_trs__previous_names') }}
    where not is_deleted

),

live_persons as (

    select * from {{ ref('int_person__live') }}

),

final as (

    select
        previous_names.previous_name_id,
        previous_names.person_id,
        coalesce(live_persons.live_person_id, previous_names.person_id) as live_person_id,
        previous_names.first_name,
        previous_names.middle_name,
        previous_names.last_name,
        {{ london_date('previous_names.created_on') }} as record_created_date
    from previous_names
    left join live_persons
        on previous_names.person_id = live_persons.person_id

)

select * from final
