-- A day that there is; no other text fails the query.
with

cases as (

    select
        '1980-02-29' as given,
        cast('1980-02-29' as date) as expected
    union all
    select '0001-01-01', cast('0001-01-01' as date)
    union all
    select '9999-12-31', cast('9999-12-31' as date)
    {% for text in ['1981-02-29', '1980-04-31', '0000-01-01', '1980-13-01', '1980-1-1', '10000-01-01', '1980-01-01T00:00', '', 'x'] -%}
    union all
    select '{{ text }}', cast(null as date)
    {% endfor %}
    union all
    select cast(null as {{ dbt.type_string() }}), cast(null as date)

)

select * from cases
where {{ date_of_text('given') }} is distinct from expected
