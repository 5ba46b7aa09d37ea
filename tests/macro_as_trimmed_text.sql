-- Padding goes, inner and leading zeros stay, and nothing becomes null.
with

cases as (

    select '0000123' as given, '0000123' as expected
    union all
    select 'AB1      ', 'AB1'
    union all
    select '   ', cast(null as {{ dbt.type_string() }})

)

select * from cases
where {{ as_trimmed_text('given') }} is distinct from expected
