with

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
        alert_types.alert_type_id,
        alert_types.name as alert_type_name,
        alert_types.alert_category_id,
        alert_categories.name as alert_category_name,
        alert_types.dqt_sanction_code,
        alert_types.is_active as is_active_alert_type,
        coalesce(alert_category_groups.alert_group, 'unknown') as alert_group,
        -- Unknown for a category that is in no group yet: false would say that somebody may teach.
        alert_category_groups.alert_group = 'prohibition' as is_prohibition,
        alert_category_groups.alert_group = 'restriction' as is_restriction,
        legacy_api_prohibition_codes.dqt_sanction_code is not null as is_prohibition_in_legacy_api,
        coalesce(alert_types.internal_only, true) as is_internal_only
    from alert_types
    left join alert_categories
        on alert_types.alert_category_id = alert_categories.alert_category_id
    left join alert_category_groups
        on alert_types.alert_category_id = alert_category_groups.alert_category_id
    left join legacy_api_prohibition_codes
        on alert_types.dqt_sanction_code = legacy_api_prohibition_codes.dqt_sanction_code

)

select * from final
