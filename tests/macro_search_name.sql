-- However it was typed, a name is found; what is another name stays another.
with

cases as (

    select 'Núñez' as given, 'núñez' as expected
    union all
    select 'NÚÑEZ', 'núñez'
    union all
    select '  Mary	Ann  Jones ', 'mary ann jones'
    union all
    select 'STRAẞE Groß', 'strasse gross'
    union all
    select 'ΟΔΥΣΣΕΥΣ', 'οδυσσευσ'
    union all
    select 'İpek', 'ipek'
    union all
    select '李 小龍', '李 小龍'
    union all
    select {{ dbt.string_literal(dbt.escape_single_quotes("O'Neill-Smith")) }}, {{ dbt.string_literal(dbt.escape_single_quotes("o'neill-smith")) }}
    union all
    select '  ', cast(null as {{ dbt.type_string() }})
    union all
    select cast(null as {{ dbt.type_string() }}), cast(null as {{ dbt.type_string() }})

)

select * from cases
where {{ search_name('given') }} is distinct from expected
