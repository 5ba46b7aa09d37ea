with

inductions as (

    select * from {{ ref('fct_induction') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        person_id,
        live_person_id,
        is_live,
        induction_status_label,
        {{ deliverable_date('induction_start_date') }} as induction_start_date,
        {{ deliverable_date('induction_completed_date') }} as induction_completed_date,
        induction_exemption_reasons,
        induction_exemption_reason_count,
        is_exempt_without_reason
    from inductions

)

select * from final
