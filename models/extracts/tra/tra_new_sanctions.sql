with

-- One that is open and began within three weeks, or was recorded within one.
listed as (

    {{
        listed_sanctions("
            sanctions.is_open
            and (sanctions.start_date > days.three_weeks_before or sanctions.record_created_date > days.week_before)
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
