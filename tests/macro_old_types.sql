-- The types of the old reporting tables: a time in UTC without its zone, a day as its midnight, a truth as 0 or 1, lists and JSON as text.
with

cases as (

    select
        {{ moment('2026-07-31T23:30:00Z') }} as point_in_time,
        cast('2026-08-01' as date) as day,
        array['b', 'a'] as listed,
        {% if target.type == 'bigquery' -%}
        parse_json('{"a": 1}')
        {%- else -%}
        cast('{"a": 1}' as jsonb)
        {%- endif %} as described,
        {% if target.type == 'bigquery' -%}
        parse_json(cast(null as string))
        {%- else -%}
        cast(null as jsonb)
        {%- endif %} as undescribed

)

select * from cases
where
    {{ old_datetime('point_in_time') }} is distinct from cast('2026-07-31 23:30:00' as {{ old_datetime_type() }})
    or {{ old_midnight('day') }} is distinct from cast('2026-08-01 00:00:00' as {{ old_datetime_type() }})
    or {{ old_bit('day is not null') }} != 1
    or {{ old_bit('day is null') }} != 0
    or {{ old_array('listed') }} is distinct from '{b,a}'
    or replace({{ old_json('described') }}, ' ', '') is distinct from '{"a":1}'
    or {{ old_json('undescribed') }} is not null
