-- A summer evening in UTC is the next day in London, a winter evening is not.
with

cases as (

    select
        cast('2026-06-30 23:00:00+00' as {{ dbt.type_timestamp() if target.type == 'bigquery' else 'timestamptz' }}) as moment,
        cast('2026-07-01' as date) as expected
    union all
    select
        cast('2026-01-31 23:59:59+00' as {{ dbt.type_timestamp() if target.type == 'bigquery' else 'timestamptz' }}),
        cast('2026-01-31' as date)
    union all
    -- London was 75 seconds behind UTC: the least moment that staging keeps is in year 1 there as well.
    select
        cast('0001-01-01 16:00:00+00' as {{ dbt.type_timestamp() if target.type == 'bigquery' else 'timestamptz' }}),
        cast('0001-01-01' as date)

)

select * from cases
where {{ london_date('moment') }} is distinct from expected
