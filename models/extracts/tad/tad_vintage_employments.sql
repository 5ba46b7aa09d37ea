with

people as (

    select * from {{ ref('tad_vintage_people') }}

),

employments as (

    select * from {{ ref('fct_employment') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        employments.tps_employment_id,
        employments.person_id,
        employments.live_person_id,
        employments.establishment_id,
        employments.employment_type,
        {{ deliverable_date('employments.start_date') }} as start_date,
        {{ deliverable_date('employments.end_date') }} as end_date,
        {{ deliverable_date('employments.last_known_employed_date') }} as last_known_employed_date,
        employments.is_current,
        employments.withdrawal_confirmed
    from employments
    inner join people
        on employments.live_person_id = people.live_person_id

)

select * from final
