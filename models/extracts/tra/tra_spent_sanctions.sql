with

-- One that ended within three weeks.
listed as (

    {{
        listed_sanctions("
            sanctions.end_date between days.three_weeks_before and days.date_day
        ")
    }}

),

final as (

    select
        as_at_date,
        sanction_listed_date,
        trn,
        sanction_number,
        date_of_birth,
        full_name,
        alert_type_name,
        alert_start_date,
        alert_end_date
    from listed

)

select * from final
