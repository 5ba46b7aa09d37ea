with

days as (

    select * from {{ ref('int_day__numbered') }}

),

bank_holidays as (

    select * from {{ ref('bank_holidays_england') }}

),

known_holidays as (

    select min({{ part_of('year', 'bank_holiday_date') }}) as first_year
    from bank_holidays

),

judged as (

    select
        days.date_day,
        bank_holidays.bank_holiday_name,
        days.day_of_week,
        {{ part_of('month', 'days.date_day') }} as month_number,
        {{ part_of('year', 'days.date_day') }} >= known_holidays.first_year as holidays_are_known,
        cast({{ dbt.dateadd('day', 1, 'days.date_day') }} as date) as next_day,
        -- The extract of a month is expected on the 25th: a later day belongs to that of the next month.
        case
            when {{ part_of('day', 'days.date_day') }} <= 25 then days.date_day
            else cast({{ dbt.dateadd('day', 6, 'days.date_day') }} as date)
        end as day_in_extract_month
    from days
    cross join known_holidays
    left join bank_holidays
        on days.date_day = bank_holidays.bank_holiday_date

),

working as (

    select
        judged.*,
        case when judged.holidays_are_known then judged.bank_holiday_name is not null end as is_bank_holiday,
        case
            when judged.day_of_week > 5 then false
            when judged.holidays_are_known then judged.bank_holiday_name is null
        end as is_working_day
    from judged

),

counted as (

    select
        working.*,
        sum(case when working.holidays_are_known and working.is_working_day then 1 else 0 end)
            over (order by working.date_day nulls last rows between unbounded preceding and current row)
            as working_days_so_far
    from working

),

final as (

    select
        date_day,
        {{ part_of('year', 'date_day') }} as calendar_year,
        {{ calendar_month('date_day') }} as calendar_month,
        month_number,
        day_of_week,
        {{ part_of('month', 'next_day') }} != month_number as is_month_end,
        {{ academic_year('date_day') }} as academic_year,
        {{ first_year_of('date_day', 9) }} as academic_year_start,
        {{ financial_year('date_day') }} as financial_year,
        case
            when month_number >= 9 then 'autumn'
            when month_number <= 4 then 'spring'
            else 'summer'
        end as term,
        is_bank_holiday,
        bank_holiday_name,
        is_working_day,
        case
            when holidays_are_known then cast(working_days_so_far as {{ dbt.type_int() }})
        end as working_day_number,
        {{ calendar_month('day_in_extract_month') }} as pension_extract_month
    from counted

)

select * from final
