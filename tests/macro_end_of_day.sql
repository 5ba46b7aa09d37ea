-- A day ends at midnight in London, an hour before that of UTC in summer; days on which the clocks change end like others.
with

cases as (

    select
        cast('2026-06-30' as date) as given,
        {{ moment('2026-06-30T22:59:59.999999Z') }} as expected
    union all
    select cast('2026-01-31' as date), {{ moment('2026-01-31T23:59:59.999999+00:00') }}
    union all
    select cast('2026-03-29' as date), {{ moment('2026-03-29T22:59:59.999999Z') }}
    union all
    select cast('2026-10-25' as date), {{ moment('2026-10-25T23:59:59.999999Z') }}

)

select * from cases
where {{ end_of_day('given') }} is distinct from expected
