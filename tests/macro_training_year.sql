-- The years of calendar.sql begin in other months; this one with August, and a century may end in it.
with

cases as (

    select
        cast('2025-07-31' as date) as given,
        '2024/25' as expected
    union all
    select cast('2025-08-01' as date), '2025/26'
    union all
    select cast('1999-12-31' as date), '1999/00'
    union all
    select cast('0001-02-01' as date), '0000/01'
    union all
    select cast(null as date), cast(null as {{ dbt.type_string() }})

)

select * from cases
where {{ training_year('given') }} is distinct from expected
