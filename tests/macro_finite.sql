-- What no client can read becomes null, is counted, and is kept as text; null and old dates stay as they are.
with

cases as (

    select
        cast('2026-06-30' as date) as given,
        cast('2026-06-30' as date) as expected,
        0 as infinite,
        cast(null as {{ dbt.type_string() }}) as original
    union all
    select cast('1600-01-01' as date), cast('1600-01-01' as date), 0, null
    union all
    select cast('0001-01-01' as date), cast('0001-01-01' as date), 0, null
    union all
    select cast('9999-12-31' as date), cast('9999-12-31' as date), 0, null
    union all
    select cast(null as date), cast(null as date), 0, null
    {% if target.type == 'postgres' -%}
    union all
    select cast('infinity' as date), cast(null as date), 1, 'given infinity'
    union all
    select cast('-infinity' as date), cast(null as date), 1, 'given -infinity'
    union all
    select cast('10000-01-01' as date), cast(null as date), 1, 'given 10000-01-01'
    union all
    select cast('0001-12-31 BC' as date), cast(null as date), 1, 'given 0001-12-31 BC'
    {%- endif %}

)

select * from cases
where
    {{ finite('given') }} is distinct from expected
    or {{ infinite_count(['given']) }} != infinite
    or {{ is_infinite('given') }} != (infinite = 1)
    or {{ original_dates(['given']) }} is distinct from original
{% if target.type == 'postgres' -%}
union all
select given, expected, infinite, original from cases
where
    {{ finite("cast(given as timestamptz)") }} is distinct from cast(expected as timestamptz)
    or {{ original_dates(['given', 'given']) }} != original || '; ' || original
{%- endif %}
