with

persons as (

    select * from {{ ref('stg_trs__persons') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

exemptions as (

    select
        person_id,
        max(case when is_on_person or is_on_route then 1 else 0 end) = 1 as is_exempt_by_reason,
        {{ listed_text('exemption_reason') }} as induction_exemption_reasons,
        cast(count(*) as {{ dbt.type_int() }}) as induction_exemption_reason_count
    from {{ ref('fct_induction_exemption') }}
    group by person_id

),

final as (

    select
        persons.person_id,
        standings.live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        persons.induction_status,
        persons.induction_status_label,
        persons.induction_status_without_exemption,
        persons.induction_status_without_exemption_label,
        -- An exemption makes the status exempt (2) unless passed (4) or failed (5) outranks it. Where only the QTS date
        -- exempts, TRS leaves the status as it is; people who were migrated may have been made exempt.
        case
            when persons.induction_status_without_exemption in (4, 5)
                then persons.induction_status = persons.induction_status_without_exemption
            when exemptions.is_exempt_by_reason then persons.induction_status = 2
            when exemptions.person_id is not null
                then persons.induction_status in (2, persons.induction_status_without_exemption)
            else persons.induction_status = persons.induction_status_without_exemption
        end as recorded_induction_status_agrees,
        persons.induction_start_date,
        persons.induction_completed_date,
        persons.dates_out_of_range,
        exemptions.induction_exemption_reasons,
        coalesce(exemptions.induction_exemption_reason_count, 0) as induction_exemption_reason_count,
        persons.induction_exempt_without_reason as is_exempt_without_reason,
        persons.cpd_induction_modified_on is not null
        and (
            persons.induction_completed_date is null
            or persons.induction_completed_date > cast({{ dbt.dateadd('year', -7, as_at_date()) }} as date)
        ) as is_managed_by_cpd,
        {{ london_date('persons.induction_modified_on') }} as induction_modified_date
    from persons
    inner join standings
        on persons.person_id = standings.person_id
    left join exemptions
        on persons.person_id = exemptions.person_id

)

select * from final
