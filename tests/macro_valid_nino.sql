-- The two forms that TRS accepts, the refused prefixes, and the normal form of untidy input.
with

cases as (

    select 'QQ123456C' as given, true as expected
    union all
    select 'aq 12-34 56 f', true
    union all
    select 'JQ123456M', true
    union all
    select '12Q34567', true
    union all
    select 'BG123456A', false
    union all
    select 'ZZ123456A', false
    union all
    select 'AO123456A', false
    union all
    select 'DA123456A', false
    union all
    select 'AB123456E', false
    union all
    select 'AB12345C', false
    union all
    select '', false
    union all
    select cast(null as {{ dbt.type_string() }}), false

)

select * from cases
where {{ is_valid_nino(normalised_nino('given')) }} != expected
