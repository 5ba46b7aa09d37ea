with

people as (

    select * from {{ ref('dim_person') }}

),

changes as (

    select
        person_id,
        person_detail,
        event_date,
        value_before,
        value_after,
        row_number() over (
            partition by person_id, person_detail, event_date
            order by event_at nulls last, event_id nulls last, event_number nulls last
        ) as place_from_first,
        row_number() over (
            partition by person_id, person_detail, event_date
            order by event_at desc nulls last, event_id desc nulls last, event_number desc nulls last
        ) as place_from_last
    from {{ ref('fct_person_detail_change') }}
    where
        person_detail in ('date of birth', 'National Insurance number')
        and event_gender_label in ('Male', 'Female')
        and not is_raised_by_pensions_import
        -- A day that nobody can read is in no period; the change is in the mart, with its event.
        and event_date is not null

),

-- Each detail by itself, so that one change does not hide another; what it was before the day, and after.
days as (

    select
        person_id,
        person_detail,
        event_date,
        max(case when place_from_first = 1 then value_before end) as value_before,
        max(case when place_from_last = 1 then value_after end) as value_after
    from changes
    group by person_id, person_detail, event_date

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        days.event_date as detail_changed_date,
        people.trn,
        -- The space before the shorter code belongs to it, and puts the number before the date.
        case days.person_detail when 'date of birth' then '1211ZE1*' else ' 321ZE2*' end as pensions_update_code,
        {{ pensions_gender_code('people.gender_label') }} as pensions_gender_code,
        {{ as_trimmed_text('people.last_name') }} as last_name,
        case
            when days.person_detail = 'date of birth' then {{ date_of_text('days.value_after') }}
        end as date_of_birth,
        case
            when days.person_detail = 'National Insurance number' then days.value_after
        end as national_insurance_number
    from days
    inner join people
        on days.person_id = people.person_id
    where
        people.is_active
        and not {{ same('days.value_before', 'days.value_after') }}
        -- On the day of their creation people are in the New file, as they are now.
        and not (
            {{ is_new_to_pensions('people') }}
            and coalesce(people.record_created_date = days.event_date, false)
        )

)

select * from final
