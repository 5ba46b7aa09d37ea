with

people as (

    select * from {{ ref('dim_person') }}

),

-- Of however many changes of the last name: the latest, and what the name was before it.
last_name_changes as (

    select
        person_id,
        value_before as previous_last_name,
        row_number() over (
            partition by person_id
            order by event_at desc nulls last, event_id desc nulls last, event_number desc nulls last
        ) as place
    from {{ ref('fct_person_detail_change') }}
    where person_detail = 'last name' and has_another_value

),

new_people as (

    select
        people.trn,
        people.record_created_date,
        {{ pensions_gender_code('people.gender_label') }} as pensions_gender_code,
        {{ deliverable_date('people.date_of_birth') }} as date_of_birth,
        {{ as_trimmed_text('people.last_name') }} as last_name,
        {{ as_trimmed_text(
            "coalesce(people.first_name, '') || ' ' || coalesce(people.middle_name, '')"
        ) }} as first_and_middle_names,
        {{ as_trimmed_text('last_name_changes.previous_last_name') }} as previous_last_name
    from people
    left join last_name_changes
        on
            people.person_id = last_name_changes.person_id
            and last_name_changes.place = 1
    where {{ is_new_to_pensions('people') }}

),

present_names as (

    select
        trn,
        '1018Z981' as pensions_update_code,
        record_created_date,
        pensions_gender_code,
        date_of_birth,
        last_name,
        case when previous_last_name is not null then '1' end as previous_name_mark,
        first_and_middle_names,
        cast(null as {{ dbt.type_string() }}) as previous_last_name
    from new_people

),

previous_names as (

    select
        trn,
        '2018Z981' as pensions_update_code,
        record_created_date,
        pensions_gender_code,
        cast(null as date) as date_of_birth,
        cast(null as {{ dbt.type_string() }}) as last_name,
        cast(null as {{ dbt.type_string() }}) as previous_name_mark,
        cast(null as {{ dbt.type_string() }}) as first_and_middle_names,
        previous_last_name
    from new_people
    where previous_last_name is not null

),

every_row as (

    select * from present_names
    union all
    select * from previous_names

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        record_created_date,
        trn,
        pensions_update_code,
        pensions_gender_code,
        date_of_birth,
        last_name,
        previous_name_mark,
        first_and_middle_names,
        previous_last_name
    from every_row

)

select * from final
