with

persons as (

    select * from {{ ref('stg_trs__persons') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

-- The order in which one status of TRS stands over another; a code that is new stands over `none` alone.
ranked as (

    select
        standings.live_person_id,
        persons.induction_status,
        persons.induction_status_label,
        persons.induction_start_date,
        persons.induction_completed_date,
        row_number() over (
            partition by standings.live_person_id
            order by
                case persons.induction_status
                    when 5 then 1
                    when 4 then 2
                    when 2 then 3
                    when 3 then 4
                    when 6 then 5
                    when 1 then 6
                    when 0 then 8
                    else 7
                end nulls last,
                persons.induction_completed_date nulls last,
                persons.induction_start_date nulls last,
                persons.person_id nulls last
        ) as place
    from persons
    inner join standings
        on persons.person_id = standings.person_id

),

final as (

    select
        live_person_id,
        induction_status,
        induction_status_label,
        induction_start_date,
        induction_completed_date
    from ranked
    where place = 1

)

select * from final
