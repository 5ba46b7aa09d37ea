with

alerts as (

    select * from {{ ref('stg_trs__alerts') }}
    where not is_deleted

),

alert_types as (

    select * from {{ ref('stg_trs__alert_types') }}

),

alert_categories as (

    select * from {{ ref('stg_trs__alert_categories') }}

),

alert_category_groups as (

    select * from {{ ref('alert_category_groups') }}

),

legacy_api_prohibition_codes as (

    select * from {{ ref('legacy_api_prohibition_codes') }}

),

final as (

    select
        alerts.alert_id,
        alerts.person_id,
        alerts.alert_type_id,
        alert_types.name as alert_type_name,
        alert_types.alert_category_id,
        alert_categories.name as alert_category_name,
        alert_types.dqt_sanction_code,
        alerts.start_date,
        alerts.end_date,
        alerts.dates_out_of_range,
        alerts.created_on,
        alerts.updated_on,
        coalesce(alert_category_groups.alert_group, 'unknown') as alert_group,
        -- The one definition of an open alert: no end date. An end date closes it, also one in the future, and one that
        -- is no day at all.
        alerts.end_date is null and not coalesce(alerts.has_infinite_end_date, false) as is_open,
        -- An alert whose type is not known here is treated as internal: it must not go out by mistake.
        coalesce(alert_types.internal_only, true) as is_internal_only,
        -- Unknown for a category that is in no group yet: false would say that somebody may teach.
        alert_category_groups.alert_group = 'prohibition' as is_prohibition,
        legacy_api_prohibition_codes.dqt_sanction_code is not null as is_prohibition_in_legacy_api,
        alert_category_groups.alert_group = 'restriction' as is_restriction,
        coalesce(alerts.end_date < alerts.start_date, false) as ends_before_start
    from alerts
    left join alert_types
        on alerts.alert_type_id = alert_types.alert_type_id
    left join alert_categories
        on alert_types.alert_category_id = alert_categories.alert_category_id
    left join alert_category_groups
        on alert_types.alert_category_id = alert_category_groups.alert_category_id
    left join legacy_api_prohibition_codes
        on alert_types.dqt_sanction_code = legacy_api_prohibition_codes.dqt_sanction_code

)

select * from final
