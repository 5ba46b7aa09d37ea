with

alerts as (

    select * from {{ ref('fct_alert') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        alert_id,
        person_id,
        live_person_id,
        alert_type_name,
        alert_category_name,
        alert_group,
        {{ deliverable_date('start_date') }} as start_date,
        {{ deliverable_date('end_date') }} as end_date,
        is_open,
        is_prohibition,
        is_restriction,
        ends_before_start,
        {{ deliverable_date('record_created_date') }} as record_created_date
    from alerts
    where not is_internal_only

)

select * from final
