-- Each word of a text is an element, in its order; a pair has a part before and a part behind its first colon.
with

cases as (

    select 'id:int name:nvarchar(10):array' as given

),

found as (

    select
        {{ array_position('word') }} as place,
        {{ part_of_pair(array_element('word'), 1) }} as name,
        {{ part_of_pair(array_element('word'), 2) }} as type
    from cases
    {{ unnested(words_of('cases.given'), 'word') }}

),

counted as (

    select
        count(*) as words,
        max(case when name = 'id' and type = 'int' then place end) as first_place,
        max(case when name = 'name' and type = 'nvarchar(10)' then place end) as second_place
    from found

)

select * from counted
where words != 2 or coalesce(first_place, 0) != 1 or coalesce(second_place, 0) != 2
