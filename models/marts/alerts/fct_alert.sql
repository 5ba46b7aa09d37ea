with

alerts as (

    select * from {{ ref('int_alert__live') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

final as (

    select
        alerts.alert_id,
        alerts.person_id,
        coalesce(standings.live_person_id, alerts.person_id) as live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        alerts.alert_type_id,
        alerts.alert_type_name,
        alerts.alert_category_id,
        alerts.alert_category_name,
        alerts.alert_group,
        alerts.dqt_sanction_code,
        alerts.start_date,
        alerts.end_date,
        alerts.dates_out_of_range,
        alerts.is_open,
        alerts.is_internal_only,
        alerts.is_prohibition,
        alerts.is_prohibition_in_legacy_api,
        alerts.is_restriction,
        alerts.ends_before_start,
        {{ london_date('alerts.created_on') }} as record_created_date,
        {{ london_date('alerts.updated_on') }} as record_updated_date
    from alerts
    left join standings
        on alerts.person_id = standings.person_id

)

select * from final
