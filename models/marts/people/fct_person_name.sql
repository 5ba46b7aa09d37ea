with

people as (

    select * from {{ ref('stg_trs__persons') }}

),

previous_names as (

    select * from {{ ref('stg_trs__previous_names') }}
    where not is_deleted

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

names as (

    select
        person_id,
        previous_name_id,
        first_name,
        middle_name,
        last_name,
        0 as is_present,
        created_on as given_up_on,
        dates_out_of_range
    from previous_names
    union all
    select
        person_id,
        cast(null as {{ dbt.type_string() }}) as previous_name_id,
        first_name,
        middle_name,
        last_name,
        1 as is_present,
        cast(null as {{ dbt.type_timestamp() }}) as given_up_on,
        cast(null as {{ dbt.type_string() }}) as dates_out_of_range
    from people

),

-- The present name comes last; one whose day is not known comes first.
numbered as (

    select
        names.*,
        row_number() over (
            partition by names.person_id
            order by
                names.is_present nulls first,
                names.given_up_on nulls first,
                names.previous_name_id nulls first
        ) as name_number
    from names

),

followed as (

    select
        numbered.*,
        lag(numbered.given_up_on) over (
            partition by numbered.person_id order by numbered.name_number nulls first
        ) as taken_on
    from numbered

),

final as (

    select
        followed.person_id,
        cast(followed.name_number as {{ dbt.type_int() }}) as name_number,
        standings.live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        followed.previous_name_id,
        followed.first_name,
        followed.middle_name,
        followed.last_name,
        followed.is_present = 1 as is_present_name,
        {{ search_name('followed.first_name') }} as search_first_name,
        {{ search_name('followed.last_name') }} as search_last_name,
        {{ london_date('followed.taken_on') }} as name_from_date,
        case when followed.taken_on is null then 'unknown' else 'record of the name before' end
            as name_from_date_source,
        {{ london_date('followed.given_up_on') }} as name_to_date,
        case
            when followed.is_present = 1 then 'not ended'
            when followed.given_up_on is null then 'unknown'
            else 'record of the previous name'
        end as name_to_date_source,
        followed.dates_out_of_range
    from followed
    left join standings
        on followed.person_id = standings.person_id

)

select * from final
