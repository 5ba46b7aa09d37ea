-- Text is listed in `text_order`, that of its code points, on every server: capitals first, then small letters, then letters with accents.
with

cases as (

    select 1 as id, 'b' as name
    union all
    select 1, 'a'
    union all
    select 1, 'Z'
    union all
    select 1, 'é'
    union all
    select 1, cast(null as {{ dbt.type_string() }})
    union all
    select 2, cast(null as {{ dbt.type_string() }})

),

actual as (

    select
        id,
        {{ listed_text('name') }} as names
    from cases
    group by id

)

select * from actual
where names is distinct from case when id = 1 then 'Z; a; b; é' end
