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

)

select * from cases
where {{ london_date('moment') }} is distinct from expected
