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
    {{ finite("cast(given + time '16:00' as timestamptz)") }}
    is distinct from case when given < '9999-12-31' then cast(expected + time '16:00' as timestamptz) end
    or {{ original_dates(['given', 'given']) }} != original || '; ' || original
-- A moment is read in the zone of whoever asks, who may be half a day from UTC: .NET's least moment was in no year of London.
union all
select cast(given as date), null, 1, null
from (values
    (timestamptz '0001-01-01 00:00+00', false),
    (timestamptz '0001-01-01 16:00+00', true),
    (timestamptz '9999-12-31 09:59+00', true),
    (timestamptz '9999-12-31 10:00+00', false)
) as moments (given, is_readable)
where ({{ finite('given') }} is not null) != is_readable
{%- endif %}
