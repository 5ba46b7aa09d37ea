-- No macro, but the rule for windows: `nulls last`, because each database has another place for nulls where none is said.
with

cases as (

    select 1 as given, 3 as rising, 1 as falling
    union all
    select 0, 2, 2
    union all
    select -1, 1, 3
    union all
    select cast(null as {{ dbt.type_int() }}), 4, 4

),

actual as (

    select
        rising,
        falling,
        row_number() over (order by given asc nulls last) as actual_rising,
        row_number() over (order by given desc nulls last) as actual_falling
    from cases

)

select * from actual
where actual_rising != rising or actual_falling != falling
