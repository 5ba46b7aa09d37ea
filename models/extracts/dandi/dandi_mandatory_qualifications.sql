with

qualifications as (

    select * from {{ ref('fct_mandatory_qualification') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        qualification_id,
        person_id,
        live_person_id,
        mq_provider_name,
        mq_specialism_label,
        mq_status_label,
        is_passed,
        {{ deliverable_date('start_date') }} as start_date,
        {{ deliverable_date('end_date') }} as end_date,
        ends_before_start,
        is_migrated
    from qualifications

)

select * from final
