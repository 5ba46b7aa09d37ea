-- Elements come out with their places from 1; an array of null gives no row.
with

cases as (

    select
        'two' as id,
        array['b', 'a'] as elements
    union all
    select
        'none' as id,
        null as elements

),

actual as (

    select
        cases.id,
        {{ array_element('item') }} as element,
        {{ array_position('item') }} as place
    from cases
    {{ unnested('cases.elements', 'item') }}

),

expected as (

    select
        'two' as id,
        'b' as element,
        1 as place
    union all
    select 'two', 'a', 2

)

select
    actual.id,
    expected.id as expected_id
from actual
full outer join expected
    on
        actual.id = expected.id
        and actual.element = expected.element
        and actual.place = expected.place
where actual.id is null or expected.id is null
