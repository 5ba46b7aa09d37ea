-- Padding goes, inner and leading zeros stay, and nothing becomes null. Padding is spaces: other white space is content.
with

cases as (

    select '0000123' as given, '0000123' as expected
    union all
    select 'AB1      ', 'AB1'
    union all
    select '   ', cast(null as {{ dbt.type_string() }})
    {% for code in [9, 10, 13, 160] -%}
    union all
    select '  AB1' || chr({{ code }}), 'AB1' || chr({{ code }})
    union all
    select chr({{ code }}), chr({{ code }})
    {% endfor %}
)

select * from cases
where {{ as_trimmed_text('given') }} is distinct from expected
