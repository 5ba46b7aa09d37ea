-- Infinite dates become null and are counted; null and far dates stay as they are.
with

cases as (

    select
        cast('2026-06-30' as date) as given,
        cast('2026-06-30' as date) as expected,
        0 as infinite
    union all
    select cast('1600-01-01' as date), cast('1600-01-01' as date), 0
    union all
    select cast(null as date), cast(null as date), 0
    {% if target.type == 'postgres' -%}
    union all
    select cast('infinity' as date), cast(null as date), 1
    union all
    select cast('-infinity' as date), cast(null as date), 1
    union all
    select cast('20000-01-01' as date), cast('20000-01-01' as date), 0
    {%- endif %}

)

select * from cases
where
    {{ finite('given') }} is distinct from expected
    or {{ infinite_count(['given']) }} != infinite
    or {{ is_infinite('given') }} != (infinite = 1)
