-- Old dates go out as they are; what no receiver can hold does not.
with

cases as (

    select
        cast('1600-01-01' as date) as given,
        cast('1600-01-01' as date) as expected
    union all
    select cast('9999-12-31' as date), cast('9999-12-31' as date)
    union all
    select cast(null as date), cast(null as date)
    {% if target.type == 'postgres' -%}
    union all
    select cast('10000-01-01' as date), cast(null as date)
    union all
    select cast('0001-12-31 BC' as date), cast(null as date)
    {%- endif %}

)

select * from cases
where {{ deliverable_date('given') }} is distinct from expected
