-- Two nulls are the same; a null and a value are not.
with

cases as (

    select
        1 as a,
        1 as b,
        true as expected
    union all
    select 1, 2, false
    union all
    select cast(null as {{ dbt.type_int() }}), 1, false
    union all
    select cast(null as {{ dbt.type_int() }}), cast(null as {{ dbt.type_int() }}), true

)

select * from cases
where {{ same('a', 'b') }} is distinct from expected
