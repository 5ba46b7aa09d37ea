with

people as (

    select * from {{ ref('tad_vintage_people') }}

),

exemptions as (

    select
        live_person_id,
        exemption_reason_key,
        max(case when is_on_person then 1 else 0 end) = 1 as is_on_person,
        max(case when is_on_route then 1 else 0 end) = 1 as is_on_route,
        max(case when is_due_to_qts_date then 1 else 0 end) = 1 as is_due_to_qts_date
    from {{ ref('fct_induction_exemption') }}
    group by live_person_id, exemption_reason_key

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        exemptions.live_person_id,
        exemptions.exemption_reason_key,
        exemptions.is_on_person,
        exemptions.is_on_route,
        exemptions.is_due_to_qts_date
    from exemptions
    inner join people
        on exemptions.live_person_id = people.live_person_id

)

select * from final
