with

exemption_sources as (

    select * from {{ ref('int_induction_exemption__sources') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

reasons as (

    select * from {{ ref('stg_trs__induction_exemption_reasons') }}

),

distinct_reasons as (

    select
        person_id,
        exemption_reason_key,
        max(case when exemption_source = 'person' then 1 else 0 end) = 1 as is_on_person,
        max(case when exemption_source = 'route' then 1 else 0 end) = 1 as is_on_route,
        max(case when exemption_source = 'QTS date' then 1 else 0 end) = 1 as is_due_to_qts_date
    from exemption_sources
    group by person_id, exemption_reason_key

),

final as (

    select
        distinct_reasons.person_id,
        distinct_reasons.exemption_reason_key,
        coalesce(standings.live_person_id, distinct_reasons.person_id) as live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        case
            when distinct_reasons.exemption_reason_key = {{ no_exemption_reason() }} then 'No reason recorded'
            else coalesce(reasons.name, 'Unknown reason')
        end as exemption_reason,
        distinct_reasons.is_on_person,
        distinct_reasons.is_on_route,
        distinct_reasons.is_due_to_qts_date
    from distinct_reasons
    left join reasons
        on distinct_reasons.exemption_reason_key = reasons.induction_exemption_reason_id
    left join standings
        on distinct_reasons.person_id = standings.person_id

)

select * from final
