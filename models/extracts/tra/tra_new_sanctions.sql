with

people as (

    select * from {{ ref('dim_person') }}

),

-- A number that stays with the sanction: rows can be told apart without the alert's own identifier.
sanctions as (

    select
        alerts.*,
        cast(
            row_number() over (
                partition by alerts.person_id
                order by alerts.record_created_date asc nulls last, alerts.alert_id asc nulls last
            ) as {{ dbt.type_int() }}
        ) as sanction_number
    from {{ ref('fct_alert') }} as alerts
    where alerts.dqt_sanction_code in {{ sanctions_of_the_agency() }}

),

-- The days whose lists can still be asked for, each with the days after which a sanction is new on it.
days as (

    select
        date_day,
        cast({{ dbt.dateadd('day', -21, 'date_day') }} as date) as three_weeks_before,
        cast({{ dbt.dateadd('day', -7, 'date_day') }} as date) as week_before
    from {{ ref('dim_date') }}
    where
        date_day <= {{ as_at_date() }}
        and date_day > cast({{ dbt.dateadd('year', -1, as_at_date()) }} as date)

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        days.date_day as sanction_listed_date,
        people.trn,
        sanctions.sanction_number,
        {{ deliverable_date('people.date_of_birth') }} as date_of_birth,
        {{ joined_names(['people.first_name', 'people.middle_name', 'people.last_name']) }} as full_name,
        sanctions.alert_type_name,
        {{ deliverable_date('sanctions.start_date') }} as alert_start_date,
        sanctions.end_date as alert_end_date
    from sanctions
    inner join people
        on sanctions.person_id = people.person_id
    inner join days
        on
            sanctions.record_created_date <= days.date_day
            and (
                sanctions.start_date > days.three_weeks_before
                or sanctions.record_created_date > days.week_before
            )
    where sanctions.is_open and people.is_active

)

select * from final
