with

digits as (

    {% for digit in range(10) -%}
    select {{ digit }} as digit{{ ' union all' if not loop.last }}
    {% endfor %}

),

day_numbers as (

    select
        ten_thousands.digit * 10000 + thousands.digit * 1000 + hundreds.digit * 100 + tens.digit * 10 + ones.digit
            as day_number
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
    cross join digits as ten_thousands
    where ten_thousands.digit < 5

),

final as (

    select
        day_number,
        -- 1 January 1940 was a Monday.
        mod(day_number, 7) + 1 as day_of_week,
        cast({{ dbt.dateadd('day', 'day_number', "cast('1940-01-01' as date)") }} as date) as date_day
    from day_numbers
    where day_number < 40178  -- to 31 December 2049

)

select * from final
