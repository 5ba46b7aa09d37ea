with

listed as (

    {{ legacy_lookup('dfeta_sanctioncode') }}

),

-- Types of alert that TRS has and DQT had not.
newer as (

    select
        alert_types.dqt_sanction_code as legacy_value,
        alert_types.name as legacy_name,
        alert_types.is_active
    from {{ ref('stg_trs__alert_types') }} as alert_types
    left join listed
        on alert_types.dqt_sanction_code = listed.legacy_value
    where alert_types.dqt_sanction_code is not null and listed.legacy_value is null

),

sanction_codes as (

    select * from listed
    union all
    select * from newer

),

final as (

    select
        legacy_value as id,
        legacy_value as dfeta_value,
        legacy_name as dfeta_name,
        {{ legacy_state('not is_active', 'dfeta_sanctioncode') }}
    from sanction_codes

)

select * from final
